// SPDX-License-Identifier: Apache-2.0

package file

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Path is where bytes go and come from; the id of a file follows.
const Path = "/v1/files/"

// The parameters of a link.
const (
	ParamVariant = "v"
	ParamExpires = "e"
	ParamSeal    = "s"
)

// Links makes and checks links. The zero value makes none that it would believe.
type Links struct {
	keys   [][]byte // the first one seals, all are believed
	origin string
}

// ErrNoLinkKey says that links cannot be made.
var ErrNoLinkKey = errors.New("there is no key for links")

// NewLinks seals with the first key and believes all. Origin stands before the path of each link; empty:
// links are paths.
func NewLinks(origin string, keys ...[]byte) (Links, error) {
	if len(keys) == 0 || len(keys[0]) < sha256.Size {
		return Links{}, ErrNoLinkKey
	}
	return Links{keys: keys, origin: origin}, nil
}

// Link leads to the bytes of a file, or of one of its thumbnails. Through Parley it is for one caller.
type Link struct {
	URL       string
	ExpiresAt int64
	// Presigned: it leads to the store, and whoever has it fetches the bytes.
	Presigned bool
}

// Way that the links of a caller lead.
type Way int

// The ways.
const (
	// Shortest is to the store where clients can reach it.
	Shortest Way = iota
	// ThroughParley is for who has failed to reach it.
	ThroughParley
)

// Claim is what a link says.
type Claim struct {
	File ids.FileID
	// Variant is 0 for the file itself, else the place of a thumbnail from 1 on.
	Variant   int
	ExpiresAt int64
}

// make seals a link for a caller.
func (l Links) make(caller ids.UserID, c Claim) Link {
	query := url.Values{
		ParamVariant: {strconv.Itoa(c.Variant)}, ParamExpires: {strconv.FormatInt(c.ExpiresAt, 10)},
		ParamSeal: {base64.RawURLEncoding.EncodeToString(seal(l.keys[0], caller, c))},
	}
	return Link{URL: l.origin + Path + c.File.String() + "?" + query.Encode(), ExpiresAt: c.ExpiresAt}
}

// check tells whether a caller may use a link now. A seal that does not fit says nothing of why.
func (l Links) check(caller ids.UserID, c Claim, sealed string, now time.Time) error {
	given, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil {
		return ErrLinkForeign
	}
	for _, key := range l.keys {
		if !hmac.Equal(given, seal(key, caller, c)) {
			continue
		}
		if now.UnixMilli() >= c.ExpiresAt {
			return ErrLinkExpired
		}
		return nil
	}
	return ErrLinkForeign
}

// seal is the HMAC over all that a link says, each part of fixed length.
func seal(key []byte, caller ids.UserID, c Claim) []byte {
	h := hmac.New(sha256.New, key)
	text := []byte("parley file link 1\x00")
	text = append(append(text, c.File[:]...), caller[:]...)
	text = binary.BigEndian.AppendUint32(text, uint32(c.Variant))   //nolint:gosec // a small count
	text = binary.BigEndian.AppendUint64(text, uint64(c.ExpiresAt)) //nolint:gosec // bits are bits
	_, _ = h.Write(text)                                            // never fails
	return h.Sum(nil)
}
