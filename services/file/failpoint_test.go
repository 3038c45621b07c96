// SPDX-License-Identifier: Apache-2.0

//go:build failpoints

package file_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/file/filetest"
	"github.com/parley-chat/parley/services/internal/failpoint"
	"github.com/parley-chat/parley/services/internal/ids"
)

var errDied = errors.New("the process died")

// once lets a process of this test die at a point. Tests that use it must not run in parallel.
func once(t *testing.T, name failpoint.Name, meanwhile func()) {
	t.Helper()
	failpoint.Set(name, func() error {
		failpoint.Set(name, nil)
		meanwhile()
		return errDied
	})
	t.Cleanup(func() { failpoint.Set(name, nil) })
}

// deathOf is one upload whose process dies at a point, in Receive or Complete.
func deathOf(t *testing.T, point failpoint.Name, meanwhile func(f *filetest.Fixture, made file.File)) (*filetest.Fixture, file.File, []byte) {
	t.Helper()
	f := start(t, file.Limits{})
	ann, content := ids.NewUser(), aPicture(t, 900, 600)
	made, err := f.Create(t.Context(), filetest.Announce(ann, file.Image, content))
	if err != nil {
		t.Fatal(err)
	}
	once(t, point, func() { meanwhile(f, made) })
	_, err = f.Receive(t.Context(), file.Part{Owner: ann, File: made.ID, Size: made.Size}, bytes.NewReader(content))
	if err == nil {
		_, err = f.Complete(t.Context(), ann, made.ID)
	}
	if !errors.Is(err, errDied) {
		t.Fatalf("the process did not die at %s: %v", point, err)
	}
	f.Service = f.Restart(t, file.Limits{})
	return f, made, content
}

// pass lets days go by.
func pass(t *testing.T, f *filetest.Fixture) {
	t.Helper()
	for range 6 {
		f.Clock.Advance(25 * time.Hour)
		if err := f.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

var points = []failpoint.Name{failpoint.AfterBytes, failpoint.AfterSeal, failpoint.AfterThumbnails}

func TestAnUploadWhoseProcessDiedGoesOn(t *testing.T) {
	for _, point := range points {
		t.Run(string(point), func(t *testing.T) {
			f, made, content := deathOf(t, point, func(*filetest.Fixture, file.File) {})
			seen, err := f.Progress(t.Context(), made.Owner, made.ID)
			if err != nil {
				t.Fatal(err)
			}
			rest := file.Part{Owner: made.Owner, File: made.ID, Offset: seen.Upload.Offset, Size: made.Size - seen.Upload.Offset}
			if _, err := f.Receive(t.Context(), rest, bytes.NewReader(content[rest.Offset:])); err != nil {
				t.Fatal(err)
			}
			done, err := f.Complete(t.Context(), made.Owner, made.ID)
			if err != nil || len(done.Thumbnails) != 2 {
				t.Fatalf("%+v, %v", done, err)
			}
			c := filetest.Message(made.Owner, made.ID)
			if cited, err := f.Cite(t.Context(), []file.Wish{{Citation: c, User: made.Owner, Purpose: file.Image}}); err != nil || cited[0] == nil {
				t.Fatalf("cited %v, %v", cited, err)
			}
			f.Holders.Show(c, true)
			pass(t, f)
			want := []string{made.Upload.Key, done.Thumbnails[0].Key, done.Thumbnails[1].Key}
			slices.Sort(want)
			if got := f.Blobs.Keys(); !slices.Equal(got, want) {
				t.Errorf("the store holds %v, want %v", got, want)
			}
			if got, _ := f.Blobs.Content(made.Upload.Key); !bytes.Equal(got, content) {
				t.Error("the bytes are others")
			}
		})
	}
}

func TestAnUploadWhoseProcessDiedLeavesNothing(t *testing.T) {
	for _, point := range points {
		for name, meanwhile := range map[string]func(f *filetest.Fixture, made file.File){
			"and nobody comes back": func(*filetest.Fixture, file.File) {},
			"while it was deleted": func(f *filetest.Fixture, made file.File) {
				if err := f.Restart(t, file.Limits{}).Delete(t.Context(), made.Owner, made.ID); err != nil {
					t.Error(err)
				}
			},
		} {
			t.Run(string(point)+" "+name, func(t *testing.T) {
				f, made, _ := deathOf(t, point, meanwhile)
				pass(t, f)
				if keys := f.Blobs.Keys(); len(keys) > 0 {
					t.Errorf("the store holds %v", keys)
				}
				if rows, err := f.Storage.Find(t.Context(), made.ID); err != nil || len(rows) > 0 {
					t.Errorf("rows %+v, %v", rows, err)
				}
			})
		}
	}
}
