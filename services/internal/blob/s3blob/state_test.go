// SPDX-License-Identifier: Apache-2.0

package s3blob

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/internal/blob"
)

func TestTheLargestStateFits(t *testing.T) {
	t.Parallel()
	s := state{id: strings.Repeat("x", 1024), tail: 17, tailed: true}
	for i := range blob.MaxBytes / blob.StepBytes {
		s.tags = append(s.tags, fmt.Sprintf(`"%032x"`, i))
	}
	u := s.note(blob.Upload{Key: blob.NewKey(), Size: blob.MaxBytes})
	if len(u.State) > blob.MaxStateBytes {
		t.Errorf("%d bytes", len(u.State))
	}
	back, err := parseState(u)
	if err != nil || back.id != s.id || back.tail != s.tail || !back.tailed || !slices.Equal(back.tags, s.tags) {
		t.Errorf("%v", err)
	}
}

func FuzzState(f *testing.F) {
	s := state{id: "id", tail: 5, tags: []string{`"d41d8cd98f00b204e9800998ecf8427e"`, `"other-2"`, "bare", ""}}
	u := s.note(blob.Upload{Size: 100 << 20})
	f.Add(u.State, u.Offset, u.Size)
	f.Add("", int64(0), int64(1))
	f.Add("1 - 0 0 ", int64(0), int64(0))
	f.Fuzz(func(t *testing.T, text string, offset, size int64) {
		u := blob.Upload{Key: blob.NewKey(), State: text, Offset: offset, Size: size}
		s, err := parseState(u)
		if err != nil {
			if !errors.Is(err, blob.ErrUnfit) {
				t.Fatal(err)
			}
			return
		}
		again, err := parseState(s.note(u))
		if err != nil || again.id != s.id || again.tail != s.tail || !slices.Equal(again.tags, s.tags) {
			t.Fatalf("%q is %+v, and then %+v: %v", text, s, again, err)
		}
	})
}
