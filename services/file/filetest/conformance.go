// SPDX-License-Identifier: Apache-2.0

package filetest

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/ids"
)

// TestStorage is what every store must stand.
func TestStorage(t *testing.T, open func(t *testing.T) Storage) {
	t.Helper()
	for _, row := range []struct {
		name string
		run  func(t *testing.T, s Storage)
	}{
		{"what is stored comes back", comesBack},
		{"an upload has one write, whoever writes at once", writesAreOne},
		{"a key makes one upload, whoever asks at once", keysAreOnce},
		{"the quota is exact, whatever runs at once", quotaIsExact},
		{"a cited file is never removed, whatever runs at once", citedStays},
		{"a citation that was asked for anew is not withdrawn", anewStays},
		{"what is left over is found", leftovers},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.run(t, open(t))
		})
	}
}

// upload is one that is as full as it gets.
func upload(owner ids.UserID, size int64) file.File {
	return file.File{
		ID: ids.NewFile(), Owner: owner, Purpose: file.Image, State: file.Uploading, Name: "名前.png", Size: size, ContentType: "image/png",
		Hash: file.Hash{1, 2, 3}, Key: ids.NewIdempotencyKey(), Upload: blob.Upload{Key: blob.NewKey(), Size: size},
		ThumbnailKeys: []string{blob.NewKey(), blob.NewKey()}, CreatedAt: 10, ExpiresAt: 100,
	}
}

func all(file.Usage) error { return nil }

func create(t *testing.T, s Storage, f file.File) file.File {
	t.Helper()
	made, err := s.Create(t.Context(), f, 1, all)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func complete(t *testing.T, s Storage, f file.File) file.File {
	t.Helper()
	f.CompletedAt, f.UncitedSince = 50, 50
	done, err := s.Finish(t.Context(), f)
	if err != nil || done.State != file.Complete {
		t.Fatalf("finish: %+v, %v", done, err)
	}
	return done
}

func comesBack(t *testing.T, s Storage) {
	f := upload(ids.NewUser(), 7)
	if diff := cmp.Diff(f, create(t, s, f)); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	begun := f.Upload
	f.Upload.Offset, f.Upload.State = 5, "notes"
	for range 2 { // the same again is no error
		if err := s.Advance(t.Context(), f.ID, begun, f.Upload); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Find(t.Context(), f.ID, ids.NewFile()); err != nil || cmp.Diff([]file.File{f}, got) != "" {
		t.Errorf("found %+v, %v; want %+v", got, err, f)
	}
	f.ContentType = "image/jpeg"
	f.Width, f.Height = 3, 4
	f.Thumbnails = []file.Thumbnail{{Width: 1, Height: 2, Size: 3, ContentType: "image/png", Key: f.ThumbnailKeys[0], Hash: file.Hash{9}}}
	f = complete(t, s, f)
	if f.Upload.Offset != f.Size || f.Upload.State != "" {
		t.Errorf("a complete file of %d bytes has %+v", f.Size, f.Upload)
	}
	if got, err := s.Find(t.Context(), f.ID); err != nil || cmp.Diff([]file.File{f}, got) != "" {
		t.Errorf("complete %+v, %v; want %+v", got, err, f)
	}
	if err := s.Advance(t.Context(), f.ID, f.Upload, f.Upload); !errors.Is(err, file.ErrNotFound) {
		t.Errorf("a complete file takes bytes: %v", err)
	}
	other := f
	other.Width = 99
	if got, err := s.Finish(t.Context(), other); err != nil || got.Width != 3 {
		t.Errorf("completed again: %+v, %v; want it as it was", got, err)
	}
}

// atOnce runs a function many times at once and answers the errors.
func atOnce(n int, run func(i int) error) []error {
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { errs[i] = run(i) })
	}
	group.Wait()
	return errs
}

func writesAreOne(t *testing.T, s Storage) {
	f := create(t, s, upload(ids.NewUser(), 9))
	next := make([]blob.Upload, 8)
	won := -1
	for i, err := range atOnce(len(next), func(i int) error {
		next[i] = f.Upload
		next[i].Offset, next[i].State = 9, fmt.Sprint("write ", i)
		return s.Advance(t.Context(), f.ID, f.Upload, next[i])
	}) {
		switch {
		case err == nil && won < 0:
			won = i
		case !errors.Is(err, file.ErrBusy):
			t.Errorf("write %d beside %d: %v", i, won, err)
		}
	}
	if won < 0 {
		t.Fatal("nobody writes")
	}
	other := f
	for _, other.Upload = range []blob.Upload{f.Upload, next[(won+1)%len(next)]} {
		if got, err := s.Finish(t.Context(), other); !errors.Is(err, file.ErrBusy) {
			t.Errorf("finished by another write: %+v, %v", got, err)
		}
	}
	f.Upload = next[won]
	if got, err := s.Find(t.Context(), f.ID); err != nil || cmp.Diff([]file.File{f}, got) != "" {
		t.Errorf("found %+v, %v; want %+v", got, err, f)
	}
	complete(t, s, f)
}

func keysAreOnce(t *testing.T, s Storage) {
	owner, key := ids.NewUser(), ids.NewIdempotencyKey()
	made := make([]file.File, 8)
	for _, err := range atOnce(len(made), func(i int) (err error) {
		f := upload(owner, 5)
		f.Key = key
		made[i], err = s.Create(t.Context(), f, 1, func(used file.Usage) error {
			if used.Files > 0 {
				return file.ErrQuotaExceeded
			}
			return nil
		})
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, f := range made {
		if f.ID != made[0].ID {
			t.Fatalf("two uploads under one key: %s and %s", f.ID, made[0].ID)
		}
	}
}

func quotaIsExact(t *testing.T, s Storage) {
	const room, each, tries = 35, 10, 12
	owner := ids.NewUser()
	made := 0
	for _, err := range atOnce(tries, func(int) error {
		_, err := s.Create(t.Context(), upload(owner, each), 1, func(used file.Usage) error {
			if used.Bytes+each > room {
				return file.ErrQuotaExceeded
			}
			return nil
		})
		return err
	}) {
		switch {
		case err == nil:
			made++
		case !errors.Is(err, file.ErrQuotaExceeded):
			t.Error(err)
		}
	}
	if made != room/each {
		t.Errorf("%d uploads, want %d", made, room/each)
	}
	if _, err := s.Create(t.Context(), upload(owner, each), 2, func(used file.Usage) error {
		if used != (file.Usage{}) {
			return fmt.Errorf("used %+v on a new day", used)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func cited(f file.File, at int64) file.Cited {
	return file.Cited{Citation: Message(f.Owner, f.ID), CitedAt: at, DueAt: at + 10}
}

func citedStays(t *testing.T, s Storage) {
	for range 10 {
		f := complete(t, s, create(t, s, upload(ids.NewUser(), 1)))
		var answer []*file.File
		var removed file.File
		for _, err := range atOnce(2, func(i int) (err error) {
			if i == 0 {
				answer, err = s.Cite(t.Context(), []file.Cited{cited(f, 60)}, func(_ int, f file.File) bool { return f.State == file.Complete })
				return err
			}
			removed, err = s.Remove(t.Context(), file.Removal{File: f.ID, From: file.Complete, UncitedBefore: 60, KeepUntil: 100})
			return err
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if isCited, isRemoved := answer[0] != nil, removed.State == file.Removing; isCited == isRemoved {
			t.Fatalf("cited %t, removed %t; want one of them", isCited, isRemoved)
		}
	}
}

func anewStays(t *testing.T, s Storage) {
	f := complete(t, s, create(t, s, upload(ids.NewUser(), 1)))
	c := cited(f, 60)
	cite := func(c file.Cited) {
		t.Helper()
		if answer, err := s.Cite(t.Context(), []file.Cited{c}, func(int, file.File) bool { return true }); err != nil || answer[0] == nil {
			t.Fatalf("cite: %v, %v", answer, err)
		}
	}
	cite(c)
	due, err := s.Due(t.Context(), 70, 10)
	if err != nil || cmp.Diff([]file.Cited{c}, due) != "" {
		t.Fatalf("due %+v, %v; want %+v", due, err, c)
	}
	anew := c
	anew.CitedAt, anew.DueAt = 65, 75
	cite(anew)
	if err := errors.Join(s.Withdraw(t.Context(), due, 80), s.Postpone(t.Context(), due, 500)); err != nil {
		t.Fatal(err)
	}
	if due, err = s.Due(t.Context(), 80, 10); err != nil || cmp.Diff([]file.Cited{anew}, due) != "" {
		t.Errorf("due %+v, %v; want %+v", due, err, anew)
	}
	if err := s.Withdraw(t.Context(), due, 80); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Find(t.Context(), f.ID); err != nil || got[0].UncitedSince != 80 {
		t.Errorf("found %+v, %v; want uncited since 80", got, err)
	}
	if got, err := s.Holders(t.Context(), f.ID); err != nil || len(got) != 0 {
		t.Errorf("holders %v, %v; want none", got, err)
	}
}

func leftovers(t *testing.T, s Storage) {
	old, young := create(t, s, upload(ids.NewUser(), 1)), upload(ids.NewUser(), 1)
	young.ExpiresAt = 1000
	young = create(t, s, young)
	done := complete(t, s, create(t, s, upload(ids.NewUser(), 1)))
	if got, err := s.Expired(t.Context(), 500, 10); err != nil || cmp.Diff([]ids.FileID{old.ID}, got) != "" {
		t.Errorf("expired %v, %v", got, err)
	}
	if got, err := s.Uncited(t.Context(), 50, 10); err != nil || cmp.Diff([]ids.FileID{done.ID}, got) != "" {
		t.Errorf("uncited %v, %v", got, err)
	}
	for _, r := range []file.Removal{
		{File: young.ID, From: file.Uploading, ExpiredBefore: 500},
		{File: done.ID, From: file.Uploading},
		{File: done.ID, From: file.Complete, UncitedBefore: 49},
	} {
		if got, err := s.Remove(t.Context(), r); err != nil || got.State == file.Removing {
			t.Errorf("%+v removed %+v, %v", r, got, err)
		}
	}
	gone, err := s.Remove(t.Context(), file.Removal{File: old.ID, From: file.Uploading, ExpiredBefore: 500, Failure: "X", KeepUntil: 600})
	if err != nil || gone.State != file.Removing || gone.Failure != "X" {
		t.Fatalf("removed %+v, %v", gone, err)
	}
	ended := func(state file.State, before int64, want ...file.File) {
		t.Helper()
		if got, err := s.Ended(t.Context(), state, before, 10); err != nil || cmp.Diff(want, got, cmpopts.EquateEmpty()) != "" {
			t.Errorf("in state %d before %d: %+v, %v; want %+v", state, before, got, err, want)
		}
	}
	ended(file.Removing, math.MaxInt64, gone)
	ended(file.Removed, math.MaxInt64)
	if err := errors.Join(s.Forget(t.Context(), []ids.FileID{old.ID}, 1), s.Emptied(t.Context(), old.ID)); err != nil {
		t.Fatal(err)
	}
	gone.State = file.Removed
	ended(file.Removing, math.MaxInt64)
	ended(file.Removed, 599)
	ended(file.Removed, 600, gone)
	if got, err := s.Find(t.Context(), old.ID); err != nil || len(got) != 1 || got[0].State != file.Removed {
		t.Errorf("found %+v, %v; want it removed", got, err)
	}
	if err := s.Forget(t.Context(), []ids.FileID{old.ID, young.ID}, 2); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Find(t.Context(), old.ID); err != nil || len(got) != 0 {
		t.Errorf("found %+v, %v; want it forgotten", got, err)
	}
	if got, err := s.Find(t.Context(), young.ID); err != nil || len(got) != 1 {
		t.Errorf("found %+v, %v; want an upload that goes on", got, err)
	}
}
