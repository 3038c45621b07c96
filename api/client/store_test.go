// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/client"
)

// stores opens each kind of store; reopen answers one with the same content, if it can.
func stores() map[string]func(t *testing.T) (open func() client.Store) {
	return map[string]func(t *testing.T) func() client.Store{
		"memory": func(*testing.T) func() client.Store {
			s := client.NewMemoryStore()
			return func() client.Store { return s }
		},
		"file": func(t *testing.T) func() client.Store {
			path := filepath.Join(t.TempDir(), "store")
			return func() client.Store { return openFile(t, path) }
		},
	}
}

func openFile(t *testing.T, path string) *client.FileStore {
	t.Helper()
	s, err := client.OpenFileStore(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func load(t *testing.T, s client.Store) client.Snapshot {
	t.Helper()
	got, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestStoresKeepEverything(t *testing.T) {
	t.Parallel()
	for name, make := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := make(t)
			s := open()
			check(t, "a new store", client.Snapshot{Positions: map[string]client.Position{}}, load(t, s))
			one := client.Entry{ClientMessageID: "1", ConversationID: "k", Request: []byte{0, 1}, CreatedAt: 5}
			two := client.Entry{ClientMessageID: "2", ConversationID: "k"}
			position := client.Position{Seq: 9, Rev: 2, Holes: []client.Range{{From: 3, To: 5}}}
			for _, err := range []error{
				s.SaveCursor("c1"), s.SavePosition("k", client.Position{Seq: 1}), s.PutEntry(one), s.PutEntry(two),
				s.SavePosition("k", position), s.DropEntry("1"), s.DropEntry("none"), s.SaveCursor("c2"),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			check(t, "the store when it is opened again", client.Snapshot{
				Cursor: "c2", Positions: map[string]client.Position{"k": position}, Outbox: []client.Entry{two},
			}, load(t, open()))
		})
	}
}

func TestFileStoreDropsALineThatWasCutOff(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store")
	s := openFile(t, path)
	if err := s.SaveCursor("c1"); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"cursor":"c2`); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	again := openFile(t, path)
	check(t, "cursor", "c1", load(t, again).Cursor)
	if err := again.SaveCursor("c3"); err != nil {
		t.Fatal(err)
	}
	check(t, "cursor after the cut", "c3", load(t, openFile(t, path)).Cursor)
}

func TestFileStoreStaysSmall(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store")
	s := openFile(t, path)
	long := strings.Repeat("c", 32<<10)
	for range 200 {
		if err := s.SaveCursor(long); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 2<<20 {
		t.Errorf("%d bytes for one cursor", info.Size())
	}
	check(t, "mode", os.FileMode(0o600), info.Mode())
	check(t, "cursor", long, load(t, openFile(t, path)).Cursor)
}

func TestFileStoreForgetsInTheFileToo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store")
	s := openFile(t, path)
	for _, err := range []error{
		s.SavePosition("secret-conversation", client.Position{Seq: 3}), s.PutEntry(client.Entry{ClientMessageID: "secret-message"}), s.SaveCursor("secret"),
		s.SavePosition("secret-conversation", client.Position{}), s.DropEntry("secret-message"), s.SaveCursor(""),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "secret") {
		t.Errorf("the file still holds %s", text)
	}
}

func TestFileStoreThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	if _, err := client.OpenFileStore(filepath.Join(t.TempDir(), "none", "store")); err == nil {
		t.Error("a store in a folder that is missing is opened")
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, bases := range map[string][]string{
		"none": nil, "no host": {"http://"}, "another scheme": {"ftp://chat.example"}, "not a URL": {"http://a b"},
		"the second one": {"https://chat.example", "chat.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := client.New(client.Config{BaseURLs: bases}); err == nil {
				t.Errorf("%q is accepted", bases)
			}
		})
	}
}
