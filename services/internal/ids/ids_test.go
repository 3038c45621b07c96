// SPDX-License-Identifier: Apache-2.0

package ids_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text string
		ok   bool
	}{
		"canonical text is read":      {"0198c9a2-1111-7abc-8def-0123456789ab", true},
		"upper case is refused":       {"0198C9A2-1111-7ABC-8DEF-0123456789AB", false},
		"the zero id is refused":      {"00000000-0000-0000-0000-000000000000", false},
		"empty text is refused":       {"", false},
		"braces are refused":          {"{0198c9a2-1111-7abc-8def-0123456789ab}", false},
		"a missing dash is refused":   {"0198c9a211117abc8def0123456789ab", false},
		"urn form is refused":         {"urn:uuid:0198c9a2-1111-7abc-8def-0123456789ab", false},
		"trailing space is refused":   {"0198c9a2-1111-7abc-8def-0123456789ab ", false},
		"a letter past f is refused":  {"0198c9a2-1111-7abc-8def-0123456789ag", false},
		"one character is missing":    {"0198c9a2-1111-7abc-8def-0123456789a", false},
		"ten thousand zeros are not":  {string(make([]byte, 10000)), false},
		"full-width digits are not":   {"0198c9a2-1111-7abc-8def-01234567890", false},
		"another version is accepted": {"6ba7b810-9dad-41d1-80b4-00c04fd430c8", true},
	} {
		id, err := ids.ParseUser("user_id", row.text)
		if (err == nil) != row.ok {
			t.Errorf("%s: error %v", name, err)
		}
		if row.ok && id.String() != row.text {
			t.Errorf("%s: printed as %s", name, id)
		}
		if !row.ok && !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v is not ErrInvalid", name, err)
		}
	}
}

func TestAListIsReadAsAWhole(t *testing.T) {
	t.Parallel()
	users := []ids.UserID{ids.NewUser(), ids.NewUser()}
	texts := ids.Texts(users)
	if back, err := ids.ParseUsers("user_ids", texts); err != nil || !slices.Equal(back, users) {
		t.Errorf("got %v, %v, want %v", back, err, users)
	}
	if back, err := ids.ParseFiles("file_ids", append(texts, "x")); !errors.Is(err, fault.ErrInvalid) || back != nil {
		t.Errorf("got %v, %v, want nothing and ErrInvalid", back, err)
	}
	if back, err := ids.ParseUsers("user_ids", nil); err != nil || len(back) != 0 {
		t.Errorf("got %v, %v of no list", back, err)
	}
}

func TestSQLForm(t *testing.T) {
	t.Parallel()
	id := ids.NewUser()
	value, err := id.Value()
	if err != nil {
		t.Fatal(err)
	}
	var back ids.UserID
	if err := back.Scan(value); err != nil || back != id {
		t.Fatalf("got %v, %v, want %v", back, err, id)
	}
	if err := back.Scan(nil); err != nil || !back.IsZero() {
		t.Fatalf("NULL gave %v, %v", back, err)
	}
	if err := back.Scan([]byte{1}); err == nil {
		t.Fatal("a short value was read")
	}
	if err := back.Scan("text"); err == nil {
		t.Fatal("text was read")
	}
}

func TestOrderIsTheOrderOfBytes(t *testing.T) {
	t.Parallel()
	low, high := ids.UserID{1}, ids.UserID{1, 1}
	if low.Compare(high) >= 0 || high.Compare(low) <= 0 || low.Compare(low) != 0 {
		t.Fatal("order is wrong")
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	id := ids.NewMessage()
	text, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	var back ids.MessageID
	if err := json.Unmarshal(text, &back); err != nil || back != id {
		t.Fatalf("got %v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`"x"`), &back); err == nil {
		t.Fatal("nonsense was read")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("0198c9a2-1111-7abc-8def-0123456789ab")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ids.ParseConversation("conversation_id", text)
		if err == nil && (id.String() != text || id.IsZero()) {
			t.Fatalf("%q was read as %s", text, id)
		}
	})
}
