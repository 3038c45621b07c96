// SPDX-License-Identifier: Apache-2.0

package file_test

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/file/filetest"
	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/ids"
)

// presigning is a service whose store clients can reach.
func presigning(t *testing.T) *filetest.Fixture {
	t.Helper()
	f := start(t, file.Limits{})
	f.Presigns = true
	f.Service = f.Restart(t, file.Limits{})
	return f
}

// past announces a content and sends it to the store itself.
func past(t *testing.T, f *filetest.Fixture, a file.Announcement, content []byte) (file.File, *file.Presigned) {
	t.Helper()
	made, err := f.Create(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	put := f.Presign(t.Context(), made)
	if put == nil {
		t.Fatal("there is no presigned request")
	}
	if err := f.Blobs.Send(put, content); err != nil {
		t.Fatal(err)
	}
	return made, put
}

func TestB3_AnUploadPastParleyBecomesAFile(t *testing.T) {
	t.Parallel()
	f := presigning(t)
	ann, content := ids.NewUser(), aPicture(t, 900, 600)
	a := filetest.Announce(ann, file.Image, content)
	made, _ := past(t, f, a, content)
	for range 2 { // again is no error
		done, err := f.Complete(t.Context(), ann, made.ID)
		if err != nil {
			t.Fatal(err)
		}
		if done.State != file.Complete || done.Width != 900 || len(done.Thumbnails) != 2 || done.ContentType != "image/png" || done.Upload.Offset != done.Size {
			t.Errorf("file %+v", done)
		}
	}
	again, err := f.Create(t.Context(), a)
	if err != nil || f.Presign(t.Context(), again) != nil {
		t.Errorf("announced again: %+v, %v; want no way to write it", again, err)
	}
}

func TestB3_PastParleyOnlyWhereThatIsOffered(t *testing.T) {
	t.Parallel()
	f := presigning(t)
	ann, content := ids.NewUser(), []byte("hello")
	a := filetest.Announce(ann, file.Plain, content)
	made, err := f.Create(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if f.Restart(t, file.Limits{}).Presign(t.Context(), made) == nil {
		t.Error("a repeat gets no request")
	}
	if _, err := f.Complete(t.Context(), ann, made.ID); !errors.Is(err, file.ErrIncomplete) || offsetOf(err) != 0 {
		t.Errorf("completed without bytes: %v", err)
	}
	part := file.Part{Owner: ann, File: made.ID, Offset: 0, Size: 2}
	begun, err := f.Receive(t.Context(), part, strings.NewReader("he"))
	if err != nil || f.Presign(t.Context(), begun) != nil {
		t.Errorf("an upload that was begun through Parley may go past it: %v", err)
	}
	f.Presigns = false
	without := f.Restart(t, file.Limits{})
	if without.Presign(t.Context(), made) != nil {
		t.Error("a store out of reach is offered")
	}
	f.Blobs.Plant(made.Upload.Key, content)
	if _, err := without.Complete(t.Context(), ann, made.ID); !errors.Is(err, file.ErrIncomplete) || offsetOf(err) != 2 {
		t.Errorf("completed by what nobody was allowed to write: %v", err)
	}
}

func TestB3_HalfThroughParleyAndThenPastIt(t *testing.T) {
	t.Parallel()
	f := presigning(t)
	ann, content := ids.NewUser(), bytes.Repeat([]byte("0123456789"), 1<<10)
	a := filetest.Announce(ann, file.Plain, content)
	made, err := f.Create(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	put := f.Presign(t.Context(), made)
	part := file.Part{Owner: ann, File: made.ID, Offset: 0, Size: 5000}
	if _, err := f.Receive(t.Context(), part, bytes.NewReader(content[:5000])); err != nil {
		t.Fatal(err)
	}
	if err := f.Blobs.Send(put, content); err != nil {
		t.Fatal(err)
	}
	if done, err := f.Complete(t.Context(), ann, made.ID); err != nil || done.Upload.Offset != done.Size {
		t.Fatalf("completed: %+v, %v", done, err)
	}
	if parts, err := f.Blobs.Unfinished(t.Context(), "", 10); err != nil || len(parts) != 0 {
		t.Errorf("parts are left: %v, %v", parts, err)
	}
	if got, there := f.Blobs.Content(made.Upload.Key); !there || !bytes.Equal(got, content) {
		t.Errorf("the store has %d bytes (%t)", len(got), there)
	}
}

func TestB3_WhatLiesThereIsCheckedAsEver(t *testing.T) {
	t.Parallel()
	html := []byte("<!doctype html><script>alert(1)</script>")
	for name, row := range map[string]struct {
		purpose        file.Purpose
		announced, lie []byte
		want           error
	}{
		"other bytes":       {file.Plain, []byte("hello"), []byte("HELLO"), file.ErrChecksum},
		"fewer":             {file.Plain, []byte("hello"), []byte("hell"), file.ErrChecksum},
		"more":              {file.Plain, []byte("hello"), []byte("hello!"), file.ErrChecksum},
		"HTML as an avatar": {file.Avatar, html, html, file.ErrContentType},
		"no picture":        {file.Image, []byte("\x89PNG\r\n\x1a\nno"), []byte("\x89PNG\r\n\x1a\nno"), file.ErrUnfit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := presigning(t)
			a := filetest.Announce(ids.NewUser(), row.purpose, row.announced)
			made, err := f.Create(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			f.Blobs.Plant(made.Upload.Key, row.lie) // by a store that checks nothing
			for range 2 {
				if _, err := f.Complete(t.Context(), a.Owner, made.ID); !errors.Is(err, row.want) {
					t.Errorf("completed: %v, want %v", err, row.want)
				}
			}
			if keys := f.Blobs.Keys(); len(keys) > 0 {
				t.Errorf("the store still has %v", keys)
			}
		})
	}
}

// A request that was signed before a file was removed brings its bytes back: nobody sees them, and they go.
func TestI24_BytesThatComeAfterTheEndAreNoOrphan(t *testing.T) {
	t.Parallel()
	f := presigning(t)
	ann, content := ids.NewUser(), []byte("hello")
	uploading, first := past(t, f, filetest.Announce(ann, file.Plain, content), content)
	complete, second := past(t, f, filetest.Announce(ann, file.Plain, content), content)
	if _, err := f.Complete(t.Context(), ann, complete.ID); err != nil {
		t.Fatal(err)
	}
	for _, made := range []file.File{uploading, complete} {
		if err := f.Delete(t.Context(), ann, made.ID); err != nil {
			t.Fatal(err)
		}
	}
	if keys := f.Blobs.Keys(); len(keys) > 0 {
		t.Errorf("the store still has %v", keys)
	}
	if err := errors.Join(f.Collect(t.Context()), f.Blobs.Send(first, content), f.Blobs.Send(second, content)); err != nil {
		t.Fatal(err)
	}
	for _, made := range []file.File{uploading, complete} {
		if _, err := f.Complete(t.Context(), ann, made.ID); !errors.Is(err, file.ErrNotFound) {
			t.Errorf("completed after it was removed: %v", err)
		}
		if _, err := f.Get(t.Context(), ann, made.ID, file.Shortest); !errors.Is(err, file.ErrNotFound) {
			t.Errorf("it can be read: %v", err)
		}
	}
	f.Clock.Advance(24 * time.Hour)
	f.Blobs.Fail = func(call string) error {
		if call == "delete" {
			return blob.ErrUnavailable
		}
		return nil
	}
	if err := f.Collect(t.Context()); !errors.Is(err, file.ErrUnavailable) {
		t.Errorf("collected while the store is away: %v", err)
	}
	f.Blobs.Fail = nil
	if err := f.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keys := f.Blobs.Keys(); len(keys) > 0 {
		t.Errorf("the store has %v for ever", keys)
	}
	if found, err := f.Storage.Find(t.Context(), uploading.ID, complete.ID); err != nil || len(found) > 0 {
		t.Errorf("rows %+v, %v; want none", found, err)
	}
}

func TestLinksToTheStore(t *testing.T) {
	t.Parallel()
	f := presigning(t)
	ann, bob := ids.NewUser(), ids.NewUser()
	made := f.Make(t, ann, file.Image, aPicture(t, 900, 600))
	page := f.Make(t, ann, file.Plain, []byte("<!doctype html><script>alert(1)</script>"))
	seen, err := f.Get(t.Context(), ann, made.ID, file.Shortest)
	if err != nil {
		t.Fatal(err)
	}
	expires := f.Clock.Now().Add(time.Minute).UnixMilli()
	describe := func(l file.Link, key string) string {
		t.Helper()
		u, err := url.Parse(l.URL)
		if err != nil || !l.Presigned || l.ExpiresAt != expires || u.Query().Get("lifetime") != "1m0s" || !strings.HasPrefix(l.URL, filetest.Origin+key+"?") {
			t.Errorf("link %+v, %v; want one to %s for a minute", l, err, key)
		}
		return u.Query().Get("type") + " " + u.Query().Get("disposition")
	}
	if got := describe(seen.Link, made.Upload.Key); !strings.HasPrefix(got, "image/png inline;") {
		t.Errorf("the picture is %q", got)
	}
	for i, l := range seen.ThumbnailLinks {
		if got := describe(l, made.ThumbnailKeys[i]); !strings.HasPrefix(got, seen.Thumbnails[i].ContentType+" inline;") {
			t.Errorf("the thumbnail is %q", got)
		}
	}
	unsafe, err := f.Get(t.Context(), ann, page.ID, file.Shortest)
	if err != nil {
		t.Fatal(err)
	}
	if got := describe(unsafe.Link, page.Upload.Key); !strings.HasPrefix(got, "application/octet-stream attachment;") {
		t.Errorf("the page is %q", got)
	}
	through, err := f.Get(t.Context(), ann, made.ID, file.ThroughParley)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range append(through.ThumbnailLinks, through.Link) {
		claim, sealed := parseLink(t, l)
		if _, err := f.Follow(t.Context(), ann, claim, sealed); err != nil || l.Presigned {
			t.Errorf("link %d through Parley: %+v, %v", i, l, err)
		}
	}
	if _, err := f.Get(t.Context(), bob, made.ID, file.Shortest); !errors.Is(err, file.ErrNotFound) {
		t.Errorf("a stranger gets %v", err)
	}
}

// whileReading runs something when the first byte is wanted.
type whileReading struct {
	io.Reader

	run func()
}

func (r *whileReading) Read(p []byte) (int, error) {
	if r.run != nil {
		r.run()
		r.run = nil
	}
	return r.Reader.Read(p)
}

// Two processes take bytes of one upload; what one of them has made a file stays.
func TestB3_BytesThatComeTooLateDoNotRemoveTheFile(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(t *testing.T, f *filetest.Fixture, made file.File, content []byte) error{
		"through Parley": func(t *testing.T, f *filetest.Fixture, made file.File, content []byte) error {
			_, err := f.Restart(t, file.Limits{}).Receive(t.Context(), file.Part{Owner: made.Owner, File: made.ID, Offset: -1, Size: made.Size}, bytes.NewReader(content))
			return err
		},
		"past it": func(t *testing.T, f *filetest.Fixture, made file.File, content []byte) error {
			return f.Blobs.Send(f.Presign(t.Context(), made), content)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := presigning(t)
			ann, content := ids.NewUser(), bytes.Repeat([]byte("0123456789"), 1<<10)
			made, err := f.Create(t.Context(), filetest.Announce(ann, file.Plain, content))
			if err != nil {
				t.Fatal(err)
			}
			slow := &whileReading{bytes.NewReader(content[:100]), func() {
				if err := send(t, f, made, content); err != nil {
					t.Error(err)
				}
				if _, err := f.Restart(t, file.Limits{}).Complete(t.Context(), ann, made.ID); err != nil {
					t.Error(err)
				}
			}}
			if _, err := f.Receive(t.Context(), file.Part{Owner: ann, File: made.ID, Offset: 0, Size: 100}, slow); !errors.Is(err, file.ErrNotFound) {
				t.Errorf("the slow one: %v, want that there is no upload any more", err)
			}
			if got, there := f.Blobs.Content(made.Upload.Key); !there || !bytes.Equal(got, content) {
				t.Errorf("the bytes of the file are %d (%t)", len(got), there)
			}
			if parts, err := f.Blobs.Unfinished(t.Context(), "", 10); err != nil || len(parts) != 0 {
				t.Errorf("parts are left: %v, %v", parts, err)
			}
		})
	}
}

func TestB3_WhatIsCompletePastBytesThatAreComingStays(t *testing.T) {
	t.Parallel()
	f := presigning(t)
	ann, content := ids.NewUser(), []byte("hello")
	made, _ := past(t, f, filetest.Announce(ann, file.Plain, content), content)
	slow := &whileReading{strings.NewReader("HELLO"), func() {
		if done, err := f.Complete(t.Context(), ann, made.ID); err != nil || done.State != file.Complete {
			t.Errorf("completed meanwhile: %+v, %v", done, err)
		}
	}}
	if _, err := f.Receive(t.Context(), file.Part{Owner: ann, File: made.ID, Offset: -1, Size: 5}, slow); !errors.Is(err, file.ErrNotFound) {
		t.Errorf("the slow one: %v, want that there is no upload any more", err)
	}
	if got, there := f.Blobs.Content(made.Upload.Key); !there || !bytes.Equal(got, content) {
		t.Errorf("the file is %q (%t)", got, there)
	}
	if parts, err := f.Blobs.Unfinished(t.Context(), "", 10); err != nil || len(parts) != 0 {
		t.Errorf("parts are left: %v, %v", parts, err)
	}
}

// Two processes take other bytes of one upload at once: one write is noted, and a file is what was announced.
func TestB3_OfTwoWritesOneIsNoted(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	ann, content := ids.NewUser(), []byte("hello")
	made, err := f.Create(t.Context(), filetest.Announce(ann, file.Plain, content))
	if err != nil {
		t.Fatal(err)
	}
	part := file.Part{Owner: ann, File: made.ID, Offset: 0, Size: 2}
	slow := &whileReading{strings.NewReader("HE"), func() {
		longer := part
		longer.Size = 3
		if got, err := f.Restart(t, file.Limits{}).Receive(t.Context(), longer, strings.NewReader("hel")); err != nil || got.Upload.Offset != 3 {
			t.Errorf("the quick one: %+v, %v", got, err)
		}
	}}
	if got, err := f.Receive(t.Context(), part, slow); !errors.Is(err, file.ErrBusy) || got.Upload.Offset != 0 {
		t.Errorf("the slow one: %+v, %v; want that somebody else writes", got, err)
	}
	if seen, err := f.Progress(t.Context(), ann, made.ID); err != nil || seen.Upload.Offset != 3 {
		t.Errorf("noted: %+v, %v", seen, err)
	}
}
