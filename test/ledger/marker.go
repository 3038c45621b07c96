// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// Key makes the markers of one run.
type Key []byte

// Marker proves that a text was made by this run for one sender and conversation: nobody else can make
// it, and the judge can check it without the sender's journal. Number n is that of the message.
func (k Key) Marker(conversation, sender string, n int64) string {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(conversation))
	mac.Write([]byte{0})
	mac.Write([]byte(sender))
	mac.Write([]byte{0})
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], uint64(n))
	mac.Write(number[:])
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// Body is a text that carries a marker: the marker, a blank, and filling up to size bytes.
func Body(marker string, size int) string {
	if size <= len(marker)+1 {
		return marker
	}
	return marker + " " + strings.Repeat("x", size-len(marker)-1)
}

// MarkerOf reads the marker of a text.
func MarkerOf(body string) string {
	marker, _, _ := strings.Cut(body, " ")
	return marker
}
