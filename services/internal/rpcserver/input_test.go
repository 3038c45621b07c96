// SPDX-License-Identifier: Apache-2.0

package rpcserver_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/ids"
)

func zip(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	if _, err := writer.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func repeat(piece []byte, times int) []byte { return bytes.Repeat(piece, times) }

func TestBadJSON(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	id := ids.NewUser().String()
	for name, row := range map[string]struct {
		path, body  string
		field, rule string
	}{
		"an unknown field":            {getMe, `{"role":"admin"}`, "role", "unknown_field"},
		"an unknown field with a dot": {getMe, `{"a.b":1}`, "a.b", "unknown_field"},
		"a hostile field name":        {getMe, `{"<img onerror=x>":1}`, "", "malformed"},
		"a very long field name":      {getMe, `{"` + strings.Repeat("x", 5000) + `":1}`, "", "malformed"},
		"a field twice":               {getUser, `{"userId":"` + id + `","userId":"` + id + `"}`, "", "malformed"},
		"a field under both names":    {getUser, `{"userId":"` + id + `","user_id":"` + id + `"}`, "", "malformed"},
		"a number for a string":       {getUser, `{"userId":7}`, "", "malformed"},
		"an object for a string":      {getUser, `{"userId":{}}`, "", "malformed"},
		"a list for a message":        {getUser, `[]`, "", "malformed"},
		"null for a message":          {getMe, `null`, "", "malformed"},
		"nothing":                     {getMe, ``, "", "malformed"},
		"half a message":              {getUser, `{"userId":"`, "", "malformed"},
		"two messages":                {getMe, `{}{}`, "", "malformed"},
		"a lone surrogate":            {getUser, `{"userId":"\ud800"}`, "", "malformed"},
		"bytes that are not UTF-8":    {getUser, "{\"userId\":\"\xff\xfe\"}", "", "malformed"},
		"a number that is none":       {searchUsers, `{"query":"x","pageSize":NaN}`, "", "malformed"},
		"a number without end":        {searchUsers, `{"query":"x","pageSize":1e400}`, "", "malformed"},
		"a fraction for an integer":   {searchUsers, `{"query":"x","pageSize":1.5}`, "", "malformed"},
		"an integer past 32 bits":     {searchUsers, `{"query":"x","pageSize":4294967296}`, "", "malformed"},
		"ten thousand brackets":       {getMe, strings.Repeat("[", 10_000), "", "malformed"},
		"ten thousand levels":         {getMe, strings.Repeat(`{"a":`, 10_000), "a", "unknown_field"},
		"a rule broken":               {getUser, `{"userId":"x"}`, "user_id", "string.uuid"},
		"a rule broken in a list":     {batchGet, `{"userIds":["` + id + `","x"]}`, "user_ids[1]", "string.uuid"},
		"a message that is missing":   {login, `{"username":"ada","password":"x"}`, "device", "required"},
		"a rule broken further in":    {login, `{"username":"ada","password":"x","device":{"deviceId":"x"}}`, "device.device_id", "string.uuid"},
		"an empty string":             {searchUsers, `{"query":""}`, "query", "string.min_len"},
		"a string past its limit":     {searchUsers, `{"query":"` + strings.Repeat("😀", 65) + `"}`, "query", "string.max_len"},
	} {
		got := r.post(call{path: row.path, body: []byte(row.body), header: callerFor(r, row.path)})
		if got.Status != 400 || got.Code != "invalid_argument" || got.Reason != "CONTENT_INVALID" {
			t.Errorf("%s: got %+v", name, got)
		}
		if got.Metadata["field"] != row.field || got.Metadata["rule"] != row.rule {
			t.Errorf("%s: got %v", name, got.Metadata)
		}
		if strings.Contains(got.Message, "proto") || strings.Contains(got.Message, "/") {
			t.Errorf("%s: text of a library: %q", name, got.Message)
		}
	}
	if log := r.log.String(); log != "" {
		t.Errorf("bad input was logged as an error: %s", log)
	}
}

// callerFor is who may call the method.
func callerFor(r *rig, path string) map[string]string {
	if path == searchUsers {
		return map[string]string{"Parley-Identity": r.header("friend", false)}
	}
	return map[string]string{}
}

func TestGoodJSON(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	id := ids.NewUser().String()
	for name, body := range map[string]string{
		"the JSON name":               `{"userId":"` + id + `"}`,
		"the proto name":              `{"user_id":"` + id + `"}`,
		"blanks around":               " {\n\t\"userId\": \"" + id + "\"\r\n} ",
		"escapes in a string":         `{"userId":"` + strings.ReplaceAll(id, "-", `\u002d`) + `"}`,
		"upper case in a uuid is one": `{"userId":"` + strings.ToUpper(id) + `"}`,
	} {
		for _, kind := range []string{"application/json", "application/json; charset=utf-8"} {
			got := r.post(call{path: getUser, body: []byte(body), header: map[string]string{"Content-Type": kind}})
			if got.Status != 200 {
				t.Errorf("%s as %s: %+v", name, kind, got)
			}
		}
	}
}

func TestBadProtobuf(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	tag := func(number protowire.Number, kind protowire.Type) []byte {
		return protowire.AppendTag(nil, number, kind)
	}
	for name, body := range map[string][]byte{
		"a varint cut short":          {0x08, 0x80},
		"a varint of 11 bytes":        append(tag(1, protowire.VarintType), repeat([]byte{0xff}, 11)...),
		"field 0":                     {0x02, 0x00},
		"a wire type that is none":    {0x0f},
		"the end of no group":         tag(9, protowire.EndGroupType),
		"a group without an end":      tag(9, protowire.StartGroupType),
		"nested groups without limit": repeat(tag(9, protowire.StartGroupType), 50_000),
		"a length past the end":       {0x0a, 0x7f, 'x'},
		"a length of 2^63":            append([]byte{0x0a}, protowire.AppendVarint(nil, 1<<63)...),
		"bytes that are not UTF-8":    {0x0a, 0x02, 0xff, 0xfe},
		"an overlong slash":           {0x0a, 0x02, 0xc0, 0xaf},
		"random bytes":                []byte("\x93\x1fU*\x00\xde\xad\xbe\xef"),
	} {
		got := r.post(call{path: getUser, body: body, header: map[string]string{"Content-Type": "application/proto"}})
		if got.Status != 400 || got.Reason != "CONTENT_INVALID" || got.Metadata["rule"] != "malformed" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestOddProtobufIsReadAsItShould(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	id := ids.NewUser().String()
	good, err := proto.Marshal(&userv1.GetUserRequest{UserId: id})
	if err != nil {
		t.Fatal(err)
	}
	other, _ := proto.Marshal(&userv1.GetUserRequest{UserId: "nonsense"})
	unknown := protowire.AppendString(protowire.AppendTag(nil, 1000, protowire.BytesType), strings.Repeat("x", 900_000))
	mark := protowire.AppendString(protowire.AppendTag(nil, protowire.MaxValidNumber, protowire.BytesType), "f\x00rule")
	for name, row := range map[string]struct {
		body   []byte
		status int
	}{
		"a good message":                   {good, 200},
		"an empty one breaks a rule":       {nil, 400},
		"of a field twice the last counts": {append(bytes.Clone(other), good...), 200},
		"and the other way round":          {append(bytes.Clone(good), other...), 400},
		"unknown fields of 900 kB":         {append(bytes.Clone(good), unknown...), 200},
		"our own mark from outside":        {append(bytes.Clone(good), mark...), 200},
		"a wrong wire type is unknown":     {append(protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 7), good...), 200},
	} {
		got := r.post(call{path: getUser, body: row.body, header: map[string]string{"Content-Type": "application/proto"}})
		if got.Status != row.status {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	// Random-looking text, so that gzip cannot make it small.
	var noise bytes.Buffer
	for noise.Len() < 300<<10 {
		noise.WriteString(ids.NewUser().String())
	}
	gz := map[string]string{"Content-Encoding": "gzip"}
	for name, row := range map[string]struct {
		body   []byte
		header map[string]string
		status int
		reason string
	}{
		"1 MiB":                         {padded(1 << 20), nil, 200, ""},
		"1 MiB and a byte":              {padded(1<<20 + 1), nil, 429, "TOO_LARGE"},
		"4 MiB":                         {padded(4 << 20), nil, 429, "TOO_LARGE"},
		"compressed":                    {zip(t, []byte("{}")), gz, 200, ""},
		"compressed from 1 MiB":         {zip(t, padded(1<<20)), gz, 200, ""},
		"a bomb of 16 MiB":              {zip(t, padded(16<<20)), gz, 429, "TOO_LARGE"},
		"more than 64 KiB compressed":   {zip(t, noise.Bytes()), gz, 429, "TOO_LARGE"},
		"compressed text that is not":   {[]byte("{}"), gz, 400, "CONTENT_INVALID"},
		"compressed text cut short":     {zip(t, padded(5000))[:20], gz, 400, "CONTENT_INVALID"},
		"compressed with a wrong sum":   {flipLast(zip(t, padded(5000))), gz, 400, "CONTENT_INVALID"},
		"compressed, and nothing there": {nil, gz, 400, "CONTENT_INVALID"},
		"an encoding we do not know":    {[]byte("{}"), map[string]string{"Content-Encoding": "br"}, 400, "CONTENT_INVALID"},
		"no encoding, said so":          {[]byte("{}"), map[string]string{"Content-Encoding": "identity"}, 200, ""},
	} {
		got := r.post(call{path: getMe, body: row.body, header: row.header})
		if got.Status != row.status || got.Reason != row.reason || got.Retry != 0 {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// padded is an empty message of a size.
func padded(size int) []byte { return append(repeat([]byte(" "), size-2), "{}"...) }

func flipLast(b []byte) []byte {
	b[len(b)-5] ^= 0xff
	return b
}

func TestABodyWithoutALengthHasTheSameLimit(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for size, want := range map[int]string{1 << 20: "", 1<<20 + 1: "TOO_LARGE"} {
		// A reader of unknown type makes a chunked request.
		body := struct{ *bytes.Reader }{bytes.NewReader(append(repeat([]byte(" "), size-2), "{}"...))}
		request, err := http.NewRequestWithContext(t.Context(), "POST", r.url+getMe, body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Parley-Identity", r.header("gateway", true))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.read(response); got.Reason != want {
			t.Errorf("%d bytes: got %+v", size, got)
		}
		_ = response.Body.Close()
	}
}

func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for name, c := range map[string]call{
		"a method that is not there":      {path: "/parley.user.v1.UserService/Nothing"},
		"a service that is not there":     {path: "/parley.nothing.v1.NothingService/Get"},
		"a service of another component":  {path: "/parley.gateway.v1.SessionService/Resolve"},
		"the root":                        {path: "/"},
		"a double slash":                  {path: "//parley.user.v1.UserService/GetMe"},
		"a double slash within":           {path: "/parley.user.v1.UserService//GetMe"},
		"dots":                            {path: "/x/../parley.user.v1.UserService/GetMe"},
		"encoded dots":                    {path: "/x/..%2fparley.user.v1.UserService/GetMe"},
		"an encoded slash":                {path: "/parley.user.v1.UserService%2FGetMe"},
		"an encoded zero":                 {path: getMe + "%00"},
		"a trailing slash":                {path: getMe + "/"},
		"another case":                    {path: strings.ToLower(getMe)},
		"a GET":                           {path: getMe, method: "GET"},
		"a TRACE":                         {path: getMe, method: "TRACE"},
		"a PUT":                           {path: getMe, method: "PUT"},
		"a method that nobody ever heard": {path: getMe, method: "BREW"},
	} {
		got := r.post(c)
		if got.Code != "unimplemented" || got.Reason != "METHOD_UNKNOWN" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestAnotherContentTypeIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for _, kind := range []string{"text/plain", "application/xml", "application/connect+json", "application/x-www-form-urlencoded", ""} {
		request, err := http.NewRequestWithContext(t.Context(), "POST", r.url+getMe, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", kind)
		request.Header.Set("Parley-Identity", r.header("gateway", true))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%q: %s", kind, response.Status)
		}
		_ = response.Body.Close()
	}
}

func FuzzJSONBody(f *testing.F) {
	f.Add([]byte(`{"userId":"x"}`))
	f.Add([]byte(`{"a":{"b":[1,2,{"c":null}]}}`))
	f.Add([]byte("\xff"))
	r := start(&testing.T{}, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		r.t = t
		got := r.post(call{path: getUser, body: body})
		if got.Status >= 500 || (got.Status == 200 && !json.Valid(body)) {
			t.Fatalf("%q: got %+v", body, got)
		}
	})
}
