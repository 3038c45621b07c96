// SPDX-License-Identifier: Apache-2.0

package file_test

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/file/filetest"
	"github.com/parley-chat/parley/services/file/sqlstore"
	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

// parseLink takes a link apart, as the handler of bytes does.
func parseLink(t *testing.T, l file.Link) (file.Claim, string) {
	t.Helper()
	u, err := url.Parse(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	id, err := ids.ParseFile("id", strings.TrimPrefix(u.Path, file.Path))
	if err != nil {
		t.Fatal(err)
	}
	variant, _ := strconv.Atoi(u.Query().Get(file.ParamVariant))
	expires, _ := strconv.ParseInt(u.Query().Get(file.ParamExpires), 10, 64)
	return file.Claim{File: id, Variant: variant, ExpiresAt: expires}, u.Query().Get(file.ParamSeal)
}

func TestCiteTakesWhatMayBeShown(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	ann, bob := ids.NewUser(), ids.NewUser()
	made := f.Make(t, ann, file.Plain, []byte("hello"))
	unfinished := f.Upload(t, filetest.Announce(ann, file.Plain, []byte("x")), []byte("x"))
	wish := func(user ids.UserID, id ids.FileID, purpose file.Purpose, forwarded bool) file.Wish {
		return file.Wish{Citation: filetest.Message(user, id), User: user, Purpose: purpose, Forwarded: forwarded}
	}
	rows := []struct {
		name string
		wish file.Wish
		want bool
	}{
		{"one's own", wish(ann, made.ID, file.Plain, false), true},
		{"one's own again", wish(ann, made.ID, file.Plain, false), true},
		{"somebody else's", wish(bob, made.ID, file.Plain, false), false},
		{"somebody else's that was forwarded", wish(bob, made.ID, file.Plain, true), true},
		{"for another purpose", wish(ann, made.ID, file.Avatar, false), false},
		{"unfinished", wish(ann, unfinished.ID, file.Plain, false), false},
		{"unknown", wish(ann, ids.NewFile(), file.Plain, true), false},
	}
	var wishes []file.Wish
	for _, row := range rows {
		wishes = append(wishes, row.wish)
	}
	got, err := f.Cite(t.Context(), wishes)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if (got[i] != nil) != row.want {
			t.Errorf("%s: %+v, want %t", row.name, got[i], row.want)
		}
	}
	if err := f.Delete(t.Context(), ann, made.ID); !errors.Is(err, file.ErrInUse) {
		t.Errorf("a cited file can be deleted: %v", err)
	}
}

func TestB1_WhoMayReadAFile(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	ann, bob := ids.NewUser(), ids.NewUser()
	picture := aPicture(t, 40, 30)
	sent, own, avatar := f.Make(t, ann, file.Plain, []byte("sent")), f.Make(t, ann, file.Plain, []byte("own")), f.Make(t, ann, file.Avatar, picture)
	hers := f.Make(t, bob, file.Plain, []byte("hers"))
	cite := func(c file.Citation, purpose file.Purpose) {
		t.Helper()
		if got, err := f.Cite(t.Context(), []file.Wish{{Citation: c, User: ann, Purpose: purpose}}); err != nil || got[0] == nil {
			t.Fatalf("cite: %v, %v", got, err)
		}
	}
	cite(filetest.Message(ann, sent.ID), file.Plain)
	cite(file.Citation{File: avatar.ID, Kind: file.ByUser, Holder: ann}, file.Avatar)
	unknown := ids.NewFile()
	asks := []ids.FileID{avatar.ID, unknown, sent.ID, own.ID, hers.ID, sent.ID}
	check := func(user ids.UserID, want ...ids.FileID) {
		t.Helper()
		seen, err := f.BatchGet(t.Context(), user, asks, file.Shortest)
		if err != nil {
			t.Fatal(err)
		}
		var got []ids.FileID
		for _, s := range seen {
			got = append(got, s.ID)
		}
		if len(got) != len(want) {
			t.Fatalf("sees %v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("sees %v, want %v", got, want)
			}
		}
	}
	check(ann, avatar.ID, sent.ID, own.ID)
	check(bob, avatar.ID, hers.ID)
	f.Holders.Let(bob, sent.ID, own.ID)
	before := f.Holders.Asked()
	check(bob, avatar.ID, sent.ID, hers.ID) // own is not cited, so nobody is asked about it
	if n := f.Holders.Asked() - before; n != 1 {
		t.Errorf("%d questions for one batch", n)
	}
	f.Holders.Down(fault.ErrUnavailable)
	if _, err := f.Get(t.Context(), bob, sent.ID, file.Shortest); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("without the message service: %v", err)
	}
	if _, err := f.Get(t.Context(), bob, hers.ID, file.Shortest); err != nil {
		t.Errorf("one's own without the message service: %v", err)
	}
}

func TestDeleteIsForTheOwnerAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	ann := ids.NewUser()
	made := f.Make(t, ann, file.Plain, []byte("hello"))
	sent := f.Upload(t, filetest.Announce(ann, file.Plain, []byte("x")), []byte("x"))
	if err := f.Delete(t.Context(), ids.NewUser(), made.ID); !errors.Is(err, file.ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
	for range 2 {
		if err := errors.Join(f.Delete(t.Context(), ann, made.ID), f.Delete(t.Context(), ann, sent.ID)); err != nil {
			t.Fatal(err)
		}
	}
	if keys := f.Blobs.Keys(); len(keys) > 0 {
		t.Errorf("the store still has %v", keys)
	}
	if _, err := f.Get(t.Context(), ann, made.ID, file.Shortest); !errors.Is(err, file.ErrNotFound) {
		t.Errorf("it can be read: %v", err)
	}
}

func TestPartsThatNobodyKnowsGoAndTheBlobBesideThemStays(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	made := f.Make(t, ids.NewUser(), file.Plain, []byte("kept"))
	stray := blob.NewKey()
	for _, key := range []string{stray, made.Upload.Key} { // of a process that ended, and of two that wrote the same
		if _, err := f.Blobs.Append(t.Context(), blob.Upload{Key: key, Size: 9}, strings.NewReader("parts")); err != nil {
			t.Fatal(err)
		}
	}
	if keys := f.Blobs.Keys(); len(keys) != 2 {
		t.Fatalf("keys %v", keys)
	}
	f.Clock.Advance(23 * time.Hour)
	for range 2 { // the parts are two days old in the second round
		if err := f.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.Clock.Advance(26 * time.Hour)
		if cited, err := f.Cite(t.Context(), []file.Wish{{Citation: filetest.Message(made.Owner, made.ID), User: made.Owner, Purpose: file.Plain}}); err != nil || cited[0] == nil {
			t.Fatal(cited, err)
		}
	}
	if err := f.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keys := f.Blobs.Keys(); len(keys) != 1 || keys[0] != made.Upload.Key {
		t.Errorf("keys %v, want the one of the file", keys)
	}
}

func TestTheCollectorTakesWhatNothingShows(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	ann := ids.NewUser()
	f.Upload(t, filetest.Announce(ann, file.Plain, []byte("unfinished")), []byte("unfinished"))
	uncited, kept, recalled := f.Make(t, ann, file.Plain, []byte("uncited")), f.Make(t, ann, file.Plain, []byte("kept")), f.Make(t, ann, file.Plain, []byte("recalled"))
	keeps, recalls := filetest.Message(ann, kept.ID), filetest.Message(ann, recalled.ID)
	for _, c := range []file.Citation{keeps, recalls} {
		if got, err := f.Cite(t.Context(), []file.Wish{{Citation: c, User: ann, Purpose: file.Plain}}); err != nil || got[0] == nil {
			t.Fatal(got, err)
		}
		f.Holders.Show(c, true)
	}
	round := func(d time.Duration) {
		t.Helper()
		f.Clock.Advance(d)
		if err := f.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	round(24*time.Hour - time.Millisecond)
	if n := len(f.Blobs.Keys()); n != 4 {
		t.Fatalf("%d blobs after a day, want all 4", n)
	}
	round(time.Millisecond)
	if n := len(f.Blobs.Keys()); n != 2 {
		t.Fatalf("%d blobs, want those that are shown", n)
	}
	if _, err := f.Get(t.Context(), ann, uncited.ID, file.Shortest); !errors.Is(err, file.ErrNotFound) {
		t.Errorf("the uncited file: %v", err)
	}
	f.Holders.Show(recalls, false)
	f.Holders.Down(fault.ErrUnavailable)
	f.Clock.Advance(48 * time.Hour)
	if err := f.Collect(t.Context()); !errors.Is(err, fault.ErrUnavailable) || len(f.Blobs.Keys()) != 2 {
		t.Fatalf("without holders: %v, %v", err, f.Blobs.Keys())
	}
	f.Holders.Down(nil)
	round(0)
	round(24 * time.Hour)
	if keys := f.Blobs.Keys(); len(keys) != 1 || keys[0] != kept.Upload.Key {
		t.Errorf("blobs %v, want the one that is shown", keys)
	}
	round(48 * time.Hour)
	if got, err := f.Storage.Find(t.Context(), uncited.ID, recalled.ID); err != nil || len(got) != 0 {
		t.Errorf("rows %+v, %v; want none", got, err)
	}
}

// dying ends before it notes a file.
type dying struct{ filetest.Storage }

func (dying) Finish(context.Context, file.File) (file.File, error) {
	return file.File{}, filetest.ErrCrash
}

// A process that still stores thumbnails when somebody removes the file brings bytes back, and may end before it
// sees that.
func TestBytesThatCameAfterTheRemovalGoWithTheRow(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ before, left int }{
		"before the first thumbnail": {1, 2}, "before the second": {2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := filetest.New(t, dying{sqlstore.New(sqldbtest.Open(t, sqldbtest.SQLiteDSN(t), sqlstore.Migrations))}, file.Limits{})
			content := aPicture(t, 900, 600)
			made := f.Upload(t, filetest.Announce(ids.NewUser(), file.Image, content), content)
			other, begun := f.Restart(t, file.Limits{}), 0
			f.Blobs.Fail = func(call string) error {
				if call == "begin" {
					begun++
				}
				if call != "begin" || begun != row.before {
					return nil
				}
				return other.Delete(t.Context(), made.Owner, made.ID)
			}
			if _, err := f.Complete(t.Context(), made.Owner, made.ID); !errors.Is(err, filetest.ErrCrash) {
				t.Fatal(err)
			}
			if keys := f.Blobs.Keys(); len(keys) != row.left {
				t.Fatalf("the process brought back %v, want %d", keys, row.left)
			}
			f.Clock.Advance(24 * time.Hour)
			if err := other.Collect(t.Context()); err != nil {
				t.Fatal(err)
			}
			if keys := f.Blobs.Keys(); len(keys) > 0 {
				t.Errorf("the store still has %v", keys)
			}
			if rows, err := f.Storage.Find(t.Context(), made.ID); err != nil || len(rows) > 0 {
				t.Errorf("rows %+v, %v", rows, err)
			}
		})
	}
}
