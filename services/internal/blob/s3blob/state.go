// SPDX-License-Identifier: Apache-2.0

package s3blob

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/services/internal/blob"
)

// state is what is noted of an upload: "1 <upload id> <length of the tail> <1 if there was one> <tags>".
// Fields are parted by spaces, tags by commas, and a tag is base64 where it is the usual sum in hexadecimal.
type state struct {
	id     string   // of an upload in parts; "-" in text for none
	tail   int64    // bytes of the next part that lie in its tail
	tailed bool     // whether there may be tails to be removed
	tags   []string // of parts that are stored, in order
}

// stateVersion is the form of the text.
const stateVersion = "1"

var errState = errors.New("not the state of an upload to S3")

func parseState(u blob.Upload) (state, error) {
	if u.State == "" && u.Offset == 0 {
		return state{}, nil
	}
	fields := strings.Split(u.State, " ")
	if len(fields) != 5 || fields[0] != stateVersion {
		return state{}, fmt.Errorf("%w: %w", blob.ErrUnfit, errState)
	}
	tail, err := strconv.ParseInt(fields[2], 10, 64)
	s := state{tail: tail, tailed: fields[3] == "1"}
	fits := err == nil
	if fields[1] != "-" {
		s.id = fields[1]
	}
	if fields[4] != "" {
		for tag := range strings.SplitSeq(fields[4], ",") {
			unpacked, ok := unpackTag(tag)
			fits = fits && ok
			s.tags = append(s.tags, unpacked)
		}
	}
	if !fits || tail < 0 || tail >= blob.StepBytes || s.begin() >= u.Size+blob.StepBytes || u.Offset != min(u.Size, s.begin())+tail || u.Offset > u.Size {
		return state{}, fmt.Errorf("%w: %w", blob.ErrUnfit, errState)
	}
	return s, nil
}

// begin of the part that is next.
func (s state) begin() int64 { return int64(len(s.tags)) * blob.StepBytes }

// note answers the upload at this state.
func (s state) note(u blob.Upload) blob.Upload {
	id, tailed := s.id, "0"
	if id == "" {
		id = "-"
	}
	if s.tailed {
		tailed = "1"
	}
	packed := make([]string, len(s.tags))
	for i, tag := range s.tags {
		packed[i] = packTag(tag)
	}
	u.Offset = min(u.Size, s.begin()) + s.tail
	u.State = strings.Join([]string{stateVersion, id, strconv.FormatInt(s.tail, 10), tailed, strings.Join(packed, ",")}, " ")
	if u.Offset == 0 && s.id == "" && !s.tailed {
		u.State = ""
	}
	return u
}

// packTag shortens the tags that most stores use: an MD5 in quotes. Others stay, behind an equals sign.
func packTag(tag string) string {
	bare := strings.Trim(tag, `"`)
	if sum, err := hex.DecodeString(bare); err == nil && len(sum) == 16 && bare == strings.ToLower(bare) && tag == `"`+bare+`"` {
		return base64.RawURLEncoding.EncodeToString(sum)
	}
	return "=" + base64.RawURLEncoding.EncodeToString([]byte(tag))
}

func unpackTag(text string) (tag string, ok bool) {
	whole, other := strings.CutPrefix(text, "=")
	bytes, err := base64.RawURLEncoding.Strict().DecodeString(whole)
	if other {
		return string(bytes), err == nil
	}
	return `"` + hex.EncodeToString(bytes) + `"`, err == nil && len(bytes) == 16
}
