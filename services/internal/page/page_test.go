// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/page"
)

type position struct {
	At int64
	ID string
}

func TestToken(t *testing.T) {
	t.Parallel()
	codec := page.NewCodec([]byte("a key of thirty-two random bytes"))
	want := position{At: 7, ID: "x"}
	token, err := codec.Encode("friends/u1", want)
	if err != nil {
		t.Fatal(err)
	}
	var got position
	if err := codec.Decode("friends/u1", token, &got); err != nil || got != want {
		t.Fatalf("got %+v, %v", got, err)
	}
	other := page.NewCodec([]byte("another key"))
	for name, row := range map[string]struct {
		codec        page.Codec
		scope, token string
	}{
		"another caller's token":   {codec, "friends/u2", token},
		"another list's token":     {codec, "requests/u1", token},
		"another cluster's token":  {other, "friends/u1", token},
		"a changed token":          {codec, "friends/u1", flip(token[0]) + token[1:]},
		"a cut token":              {codec, "friends/u1", token[:8]},
		"an empty token":           {codec, "friends/u1", ""},
		"text that is not base64":  {codec, "friends/u1", "%%%"},
		"a token with more behind": {codec, "friends/u1", token + "AA"},
	} {
		if err := row.codec.Decode(row.scope, row.token, &got); !errors.Is(err, fault.ErrPageToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSealedToken(t *testing.T) {
	t.Parallel()
	codec := page.NewCodec([]byte("a key of thirty-two random bytes"))
	want := position{At: 7, ID: "hidden-place"}
	token, err := codec.Seal("search/u1", want)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || strings.Contains(string(raw), want.ID) {
		t.Errorf("its holder reads %q, %v", raw, err)
	}
	if again, err := codec.Seal("search/u1", want); err != nil || again == token {
		t.Errorf("two tokens of one place are alike, %v", err)
	}
	var got position
	if err := codec.Open("search/u1", token, &got); err != nil || got != want {
		t.Fatalf("got %+v, %v", got, err)
	}
	plain, err := codec.Encode("search/u1", want)
	if err != nil {
		t.Fatal(err)
	}
	other := page.NewCodec([]byte("another key"))
	for name, row := range map[string]struct {
		codec        page.Codec
		scope, token string
	}{
		"another caller's token":   {codec, "search/u2", token},
		"another cluster's token":  {other, "search/u1", token},
		"a changed token":          {codec, "search/u1", flip(token[0]) + token[1:]},
		"a cut token":              {codec, "search/u1", token[:8]},
		"an empty token":           {codec, "search/u1", ""},
		"text that is not base64":  {codec, "search/u1", "%%%"},
		"a token that is not shut": {codec, "search/u1", plain},
	} {
		if err := row.codec.Open(row.scope, row.token, &got); !errors.Is(err, fault.ErrPageToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := codec.Decode("search/u1", token, &got); !errors.Is(err, fault.ErrPageToken) {
		t.Errorf("a sealed token is read as a plain one: %v", err)
	}
}

// flip answers another character of the alphabet.
func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func FuzzDecode(f *testing.F) {
	codec := page.NewCodec([]byte("key"))
	token, _ := codec.Encode("list/u", position{At: 1})
	f.Add(token)
	f.Fuzz(func(t *testing.T, text string) {
		var got position
		if err := codec.Decode("list/u", text, &got); err != nil && !errors.Is(err, fault.ErrPageToken) {
			t.Fatal(err)
		}
	})
}
