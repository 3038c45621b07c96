// SPDX-License-Identifier: Apache-2.0

package websocket_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"testing"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	"github.com/parley-chat/parley/services/gateway"
)

// ping is a client frame that is answered, in either format.
func ping(c *raw, format gateway.Format) []byte {
	return c.encode(format, &gatewayv1.ClientFrame{Id: 9, Kind: &gatewayv1.ClientFrame_Ping{Ping: &gatewayv1.Ping{}}})
}

// header writes the header of a frame that announces a length, masked.
func header(first byte, code byte, length []byte) []byte {
	return append(append([]byte{first, 0x80 | code}, length...), 1, 2, 3, 4)
}

func length16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
func length64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// pad makes a JSON ping of an exact size.
func pad(size int) []byte {
	text := []byte(`{"id":"9","ping":{}}`)
	return append(text, bytes.Repeat([]byte(" "), size-len(text))...)
}

// TestRawFrames sends bytes to an authenticated JSON session. Code 0 means that the session goes on and
// answers the ping that follows.
func TestRawFrames(t *testing.T) {
	t.Parallel()
	const fin, text, bin, cont, closeOp, pingOp, pongOp = 0x80, 1, 2, 0, 8, 9, 10
	pingText := []byte(`{"id":"9","ping":{}}`)
	split := func(parts ...[]byte) []byte {
		var out []byte
		for i, p := range parts {
			first := byte(cont)
			if i == 0 {
				first = text
			}
			if i == len(parts)-1 {
				first |= fin
			}
			out = append(out, frame(first, p)...)
		}
		return out
	}
	many := func(n int) []byte {
		parts := make([][]byte, n)
		for i := range parts {
			parts[i] = pingText[i*len(pingText)/n : (i+1)*len(pingText)/n]
		}
		return split(parts...)
	}
	unmasked := append([]byte{fin | text, byte(len(pingText))}, pingText...)
	closing := func(code uint16, reason string) []byte {
		return frame(fin|closeOp, append(binary.BigEndian.AppendUint16(nil, code), reason...))
	}
	rows := map[string]struct {
		bytes   []byte
		code    uint16
		answers int // pongs of the session before the end
	}{
		"a whole message": {frame(fin|text, pingText), 0, 1},
		"125 bytes":       {frame(fin|text, pad(125)), 0, 1},
		"126 bytes":       {frame(fin|text, pad(126)), 0, 1},
		"65,535 bytes":    {frame(fin|text, pad(65535)), 0, 1},
		"65,536 bytes":    {frame(fin|text, pad(65536)), 0, 1},
		"65,537 bytes":    {frame(fin|text, pad(65537))[:20], 4401, 0},
		"a length of 2^63 is refused by its header":    {header(fin|text, 127, length64(1<<63)), 4401, 0},
		"a length of 2^63-1 is refused by its header":  {header(fin|text, 127, length64(1<<63-1)), 4401, 0},
		"a length of 2^32":                             {header(fin|bin, 127, length64(1<<32)), 4401, 0},
		"two fragments":                                {many(2), 0, 1},
		"sixteen fragments":                            {many(16), 0, 1},
		"seventeen fragments":                          {many(17), 4400, 0},
		"empty fragments count":                        {split(slices.Repeat([][]byte{nil}, 17)...), 4400, 0},
		"fragments above the limit together":           {split(pad(40000), pad(40000)), 4401, 0},
		"sixteen fragments, twice":                     {append(many(16), many(16)...), 0, 2},
		"a ping between fragments":                     {slices.Concat(frame(text, pingText[:5]), frame(fin|pingOp, nil), frame(fin|cont, pingText[5:])), 0, 1},
		"a pong between fragments":                     {slices.Concat(frame(text, pingText[:5]), frame(fin|pongOp, nil), frame(fin|cont, pingText[5:])), 0, 1},
		"a continuation without a start":               {frame(fin|cont, pingText), 1002, 0},
		"an open continuation without a start":         {frame(cont, pingText), 1002, 0},
		"a new message inside a fragmented one":        {append(frame(text, pingText[:5]), frame(fin|text, pingText)...), 1002, 0},
		"a new fragmented message inside one":          {append(frame(text, pingText[:5]), frame(text, pingText)...), 1002, 0},
		"reserved bit 1":                               {frame(fin|0x40|text, pingText), 1002, 0},
		"reserved bit 2":                               {frame(fin|0x20|text, pingText), 1002, 0},
		"reserved bit 3":                               {frame(fin|0x10|text, pingText), 1002, 0},
		"all reserved bits on a ping":                  {frame(fin|0x70|pingOp, nil), 1002, 0},
		"opcode 3":                                     {frame(fin|3, nil), 1002, 0},
		"opcode 4":                                     {frame(fin|4, pingText), 1002, 0},
		"opcode 5":                                     {frame(fin|5, nil), 1002, 0},
		"opcode 6":                                     {frame(fin|6, nil), 1002, 0},
		"opcode 7":                                     {frame(fin|7, nil), 1002, 0},
		"opcode 11":                                    {frame(fin|11, nil), 1002, 0},
		"opcode 12":                                    {frame(fin|12, nil), 1002, 0},
		"opcode 15":                                    {frame(fin|15, []byte("x")), 1002, 0},
		"no mask":                                      {unmasked, 1002, 0},
		"a ping without mask":                          {[]byte{fin | pingOp, 0}, 1002, 0},
		"a binary message on a JSON session":           {frame(fin|bin, pingText), 4400, 0},
		"an empty message":                             {frame(fin|text, nil), 4400, 0},
		"text that is no JSON":                         {frame(fin|text, []byte("hello")), 4400, 0},
		"JSON that is no frame":                        {frame(fin|text, []byte(`[1]`)), 4400, 0},
		"JSON with something behind":                   {frame(fin|text, append(slices.Clone(pingText), " {}"...)), 4400, 0},
		"two kinds in one frame":                       {frame(fin|text, []byte(`{"ping":{},"ack":{}}`)), 4400, 0},
		"a number that is none":                        {frame(fin|text, []byte(`{"id":"x","ping":{}}`)), 4400, 0},
		"deep nesting":                                 {frame(fin|text, []byte(strings.Repeat("[", 30000))), 4400, 0},
		"text that is not UTF-8":                       {frame(fin|text, []byte("{\"x\":\"\xff\"}")), 1007, 0},
		"an overlong encoding":                         {frame(fin|text, []byte("{\"x\":\"\xc0\xaf\"}")), 1007, 0},
		"half a surrogate":                             {frame(fin|text, []byte("{\"x\":\"\xed\xa0\x80\"}")), 1007, 0},
		"above the last code point":                    {frame(fin|text, []byte("{\"x\":\"\xf4\x90\x80\x80\"}")), 1007, 0},
		"a cut character at the end":                   {frame(fin|text, []byte("{\"x\":\"\xe4\xbd")), 1007, 0},
		"a character split over fragments":             {split([]byte("{\"id\":\"9\",\"ping\":{},\"x\":\"\xe4"), []byte("\xbd\xa0\"}")), 0, 1},
		"a broken character over fragments":            {split([]byte("{\"x\":\"\xe4"), []byte("\xbd\"}")), 1007, 0},
		"a ping of 125 bytes":                          {frame(fin|pingOp, make([]byte, 125)), 0, 0},
		"a ping of 126 bytes":                          {frame(fin|pingOp, make([]byte, 126)), 1002, 0},
		"a pong of 126 bytes":                          {frame(fin|pongOp, make([]byte, 126)), 1002, 0},
		"a ping with a 64-bit length":                  {header(fin|pingOp, 127, length64(1)), 1002, 0},
		"a ping in fragments":                          {frame(pingOp, nil), 1002, 0},
		"a pong that nobody asked for":                 {frame(fin|pongOp, []byte("x")), 0, 0},
		"a flood of pings":                             {bytes.Repeat(frame(fin|pingOp, []byte("x")), 500), 0, 0},
		"close without code":                           {frame(fin|closeOp, nil), 1005, 0},
		"close 1000":                                   {closing(1000, ""), 1000, 0},
		"close 1000 with a reason":                     {closing(1000, "bye"), 1000, 0},
		"close 1001":                                   {closing(1001, ""), 1000, 0},
		"close 3000":                                   {closing(3000, ""), 3000, 0},
		"close 4999":                                   {closing(4999, ""), 4999, 0},
		"close 0":                                      {closing(0, ""), 1002, 0},
		"close 999":                                    {closing(999, ""), 1002, 0},
		"close 1004":                                   {closing(1004, ""), 1002, 0},
		"close 1005":                                   {closing(1005, ""), 1002, 0},
		"close 1006":                                   {closing(1006, ""), 1002, 0},
		"close 1015":                                   {closing(1015, ""), 1002, 0},
		"close 1016":                                   {closing(1016, ""), 1002, 0},
		"close 2999":                                   {closing(2999, ""), 1002, 0},
		"close 5000":                                   {closing(5000, ""), 1002, 0},
		"close with one byte":                          {frame(fin|closeOp, []byte{3}), 1002, 0},
		"close with a reason that is not UTF-8":        {closing(1000, "\xff"), 1007, 0},
		"close with 126 bytes":                         {frame(fin|closeOp, append([]byte{3, 232}, make([]byte, 124)...)), 1002, 0},
		"close in fragments":                           {frame(closeOp, []byte{3, 232}), 1002, 0},
		"what follows a close is not read":             {append(closing(1000, ""), frame(fin|text, []byte("x"))...), 1000, 0},
		"two messages in one packet":                   {append(frame(fin|text, pingText), frame(fin|text, pingText)...), 0, 2},
		"a 16-bit length for 5 bytes is read as it is": {append(header(fin|text, 126, length16(5)), masked([]byte("hello"))...), 4400, 0},
		"an unknown kind of frame is answered":         {frame(fin|text, []byte(`{"id":"9","wave":{"userIds":[]}}`)), 0, 1},
		"unknown fields are ignored":                   {frame(fin|text, []byte(`{"id":"9","ping":{"mood":"good"},"later":{}}`)), 0, 1},
		"a frame that breaks a rule is refused, not closed": {frame(fin|text, []byte(`{"id":"9","read":{"conversationId":"x"}}`)), 0, 1},
	}
	d := open(t, nil)
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sub := &door{t: t, address: d.address, hub: d.hub, tokens: d.tokens, messages: d.messages}
			c := sub.connect("Sec-WebSocket-Protocol: parley.v1.json")
			sub.auth(c, gateway.FormatJSON)
			c.write(row.bytes)
			for range row.answers {
				if f := c.read(gateway.FormatJSON); f.GetRe() != 9 {
					t.Fatalf("answer %v", f)
				}
			}
			if row.code != 0 {
				c.wantClose(row.code)
				return
			}
			c.write(frame(0x81, ping(c, gateway.FormatJSON)))
			if f := c.read(gateway.FormatJSON); f.GetPong() == nil {
				t.Errorf("answer %v", f)
			}
		})
	}
}

func masked(p []byte) []byte {
	out := slices.Clone(p)
	for i := range out {
		out[i] ^= byte(i%4 + 1)
	}
	return out
}

func TestPingsAreAnsweredWithTheirPayload(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	c := d.connect()
	c.write(frame(0x89, []byte("are you there")))
	first, payload, err := c.next()
	if err != nil || first != 0x8a || string(payload) != "are you there" {
		t.Errorf("%x %q %v", first, payload, err)
	}
}

func TestFramesBeforeWelcomeAreSmall(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	c := d.connect()
	c.write(header(0x82, 126, length16(4097)))
	c.wantClose(4401)
}

// TestTheEndIsReadable proves that a close frame is not lost to a reset: the client still writes when the
// server has closed.
func TestTheEndIsReadable(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for range 20 {
		c := d.connect()
		junk := bytes.Repeat(frame(0x82, make([]byte, 1000)), 50)
		c.write(append(frame(0x82, []byte("\xff\xff\xff")), junk...))
		c.wantClose(4400)
		c.write(frame(0x88, []byte{0x11, 0x30}))
		if _, err := io.Copy(io.Discard, c.r); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Error(err)
		}
	}
}
