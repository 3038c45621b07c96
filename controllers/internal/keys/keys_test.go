// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/keys"
)

func generate(t *testing.T) map[string][]byte {
	t.Helper()
	data, err := keys.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestGeneratedKeysAreFit(t *testing.T) {
	t.Parallel()
	data := generate(t)
	if err := keys.Check(data); err != nil {
		t.Error(err)
	}
	seen := map[string]bool{}
	for entry, value := range data {
		if seen[string(value)] {
			t.Errorf("%s is there twice", entry)
		}
		seen[string(value)] = true
	}
	for _, name := range component.All() {
		seed, public := decode(t, data[component.PrivateKey(name)]), decode(t, data[component.PublicKey(name)])
		if !ed25519.Verify(public, []byte("text"), ed25519.Sign(ed25519.NewKeyFromSeed(seed), []byte("text"))) {
			t.Errorf("the halves of %s do not fit", name)
		}
	}
}

func TestGenerateNeedsRandomness(t *testing.T) {
	t.Parallel()
	if _, err := keys.Generate(bytes.NewReader(make([]byte, 40))); err == nil {
		t.Error("keys were made of nothing")
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	public := component.PublicKey(component.User)
	for name, test := range map[string]struct {
		change func(map[string][]byte)
		want   *keys.ProblemsError
	}{
		"missing":                   {func(d map[string][]byte) { delete(d, "page-token") }, &keys.ProblemsError{Missing: []string{"page-token"}}},
		"too short":                 {func(d map[string][]byte) { d["binding-hash"] = []byte("c2hvcnQ=") }, &keys.ProblemsError{Wrong: []string{"binding-hash"}}},
		"no base64":                 {func(d map[string][]byte) { d[public] = []byte("?") }, &keys.ProblemsError{Wrong: []string{public}}},
		"halves of different pairs": {func(d map[string][]byte) { d[public] = d[component.PublicKey(component.Friend)] }, &keys.ProblemsError{Wrong: []string{public}}},
		"a previous key":            {func(d map[string][]byte) { d["previous-page-token"] = []byte("?") }, &keys.ProblemsError{Wrong: []string{"previous-page-token"}}},
		"an entry of somebody else": {func(d map[string][]byte) { d["note"] = []byte("?") }, nil},
		"an end of line":            {func(d map[string][]byte) { d["page-token"] = append(bytes.TrimSpace(d["page-token"]), "\r\n"...) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := generate(t)
			test.change(data)
			var got *keys.ProblemsError
			err := keys.Check(data)
			if errors.As(err, &got); !cmp.Equal(test.want, got) {
				t.Error(cmp.Diff(test.want, got))
			}
			for entry, value := range data {
				if text := strings.TrimSpace(string(value)); err != nil && len(text) > 20 && strings.Contains(err.Error(), text) {
					t.Errorf("the error tells the value of %s", entry)
				}
			}
		})
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	data := generate(t)
	first := keys.Fingerprint(data)
	if len(first) != 64 || first != keys.Fingerprint(maps.Clone(data)) {
		t.Errorf("got %q", first)
	}
	data[component.PageTokenKey] = generate(t)[component.PageTokenKey]
	if keys.Fingerprint(data) == first {
		t.Error("another key has the same fingerprint")
	}
	if got := keys.Fingerprint(nil); got != "" {
		t.Errorf("no keys: got %q", got)
	}
}

func decode(t *testing.T, text []byte) []byte {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(string(text), "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}
