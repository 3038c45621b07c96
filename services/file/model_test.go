// SPDX-License-Identifier: Apache-2.0

package file_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/file/filetest"
	"github.com/parley-chat/parley/services/file/sqlstore"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

// story is one random life of a file service whose process ends, or whose stores fail, at any of its calls.
type story struct {
	t      *testing.T
	random *rand.Rand
	f      *filetest.Fixture
	crash  *filetest.Crash
	owner  ids.UserID
	known  []ids.FileID // uploads that the owner knows of, finished or not
	sent   map[ids.FileID]file.Announcement
	bytes  map[ids.FileID][]byte
	shown  map[file.Citation]bool // messages that are committed
	puts   []put                  // presigned requests
	late   int                    // of them, those that came after the end of their upload
	small  []byte                 // a picture
	steps  int
	most   int // messages that were shown at one time
}

// put is a presigned request. One that begins in time may take an hour to write its bytes.
type put struct {
	*file.Presigned

	id   ids.FileID
	ends time.Time
}

func newStory(t *testing.T, seed uint64) *story {
	t.Helper()
	s := &story{
		t: t, random: rand.New(rand.NewPCG(seed, 0)), crash: &filetest.Crash{}, owner: ids.NewUser(), sent: map[ids.FileID]file.Announcement{},
		bytes: map[ids.FileID][]byte{}, shown: map[file.Citation]bool{}, small: aPicture(t, 8, 8),
	}
	store := sqlstore.New(sqldbtest.Open(t, sqldbtest.SQLiteDSN(t), sqlstore.Migrations))
	s.f = filetest.New(t, filetest.Guard(store, s.crash), file.Limits{DailyFiles: 1 << 30})
	s.f.Blobs.Fail = func(string) error { return s.crash.Try() }
	s.f.Presigns = true
	s.f.Service = s.f.Restart(t, file.Limits{DailyFiles: 1 << 30})
	return s
}

// step does one thing, in which something may go wrong at any call.
func (s *story) step() {
	s.steps++
	if s.random.IntN(2) == 0 {
		s.crash.Arm(1+s.random.IntN(12), s.random.IntN(2) == 0)
	}
	switch s.random.IntN(12) {
	case 0, 1:
		s.announce()
	case 2, 3:
		s.send()
	case 4:
		s.complete()
	case 5, 6:
		s.show()
	case 7:
		if s.random.IntN(3) == 0 {
			s.recall()
		} else {
			s.remove()
		}
	case 8:
		_ = s.f.Collect(s.t.Context()) // what fails is tried again
	case 9:
		s.f.Clock.Advance(time.Duration(s.random.IntN(int(9 * time.Hour))))
	case 10, 11:
		s.pass()
	}
	s.crash.Heal()
	if s.random.IntN(4) == 0 {
		s.f.Service = s.f.Restart(s.t, file.Limits{DailyFiles: 1 << 30})
	}
	s.check()
}

func (s *story) pick() (id ids.FileID, ok bool) {
	if len(s.known) == 0 {
		return id, false
	}
	recent := s.known[max(0, len(s.known)-6):]
	return recent[s.random.IntN(len(recent))], true
}

func (s *story) announce() {
	content, purpose := fmt.Appendf(nil, "content %d", s.steps), file.Plain
	if s.random.IntN(3) == 0 {
		content, purpose = s.small, file.Image
	}
	a := filetest.Announce(s.owner, purpose, content)
	if s.random.IntN(8) == 0 {
		a.Hash = sha256.Sum256(nil) // will be refused
	}
	made, err := s.f.Create(s.t.Context(), a)
	if err != nil {
		return
	}
	s.known, s.sent[made.ID], s.bytes[made.ID] = append(s.known, made.ID), a, content
	if p := s.f.Presign(s.t.Context(), made); p != nil {
		s.puts = append(s.puts, put{p, made.ID, s.f.Clock.Now().Add(5*time.Minute + time.Hour)})
	}
	if s.random.IntN(2) == 0 {
		part := file.Part{Owner: s.owner, File: made.ID, Offset: -1, Size: made.Size}
		_, _ = s.f.Receive(s.t.Context(), part, bytes.NewReader(content))
		_, _ = s.f.Complete(s.t.Context(), s.owner, made.ID)
	}
}

func (s *story) send() {
	id, ok := s.pick()
	if !ok {
		return
	}
	content := s.bytes[id]
	part := file.Part{Owner: s.owner, File: id, Offset: -1, Size: -1}
	if s.random.IntN(2) == 0 {
		if seen, err := s.f.Progress(s.t.Context(), s.owner, id); err == nil && seen.State == file.Uploading {
			part.Offset = seen.Upload.Offset
			content = content[part.Offset:]
			content = content[:s.random.IntN(len(content)+1)]
		}
	}
	_, _ = s.f.Receive(s.t.Context(), part, bytes.NewReader(content)) // what fails can go on
	if s.random.IntN(2) == 0 {
		_, _ = s.f.Complete(s.t.Context(), s.owner, id)
	}
}

func (s *story) complete() {
	if id, ok := s.pick(); ok {
		_, _ = s.f.Complete(s.t.Context(), s.owner, id)
	}
}

// pass sends one past the service, whatever has become of the upload meanwhile; or announces once more first.
func (s *story) pass() {
	if id, ok := s.pick(); ok && s.random.IntN(3) == 0 {
		if made, err := s.f.Create(s.t.Context(), s.sent[id]); err == nil {
			if p := s.f.Presign(s.t.Context(), made); p != nil {
				s.puts = append(s.puts, put{p, made.ID, s.f.Clock.Now().Add(5*time.Minute + time.Hour)})
			}
		}
	}
	s.puts = slices.DeleteFunc(s.puts, func(p put) bool { return p.ends.Before(s.f.Clock.Now()) })
	if len(s.puts) == 0 {
		return
	}
	p := s.puts[s.random.IntN(len(s.puts))]
	if s.f.Blobs.Send(p.Presigned, s.bytes[p.id]) == nil {
		if found, err := s.f.Storage.Find(s.t.Context(), p.id); err == nil && found[0].State > file.Complete {
			s.late++
		}
	}
	if s.random.IntN(2) == 0 {
		_, _ = s.f.Complete(s.t.Context(), s.owner, p.id)
	}
}

// show cites and then, if nothing went wrong, commits; or it ends in between.
func (s *story) show() {
	id, ok := s.pick()
	if !ok {
		return
	}
	c := filetest.Message(s.owner, id)
	cited, err := s.f.Cite(s.t.Context(), []file.Wish{{Citation: c, User: s.owner, Purpose: s.sent[id].Purpose}})
	if err != nil || cited[0] == nil || s.random.IntN(4) == 0 {
		return
	}
	s.f.Holders.Show(c, true)
	s.shown[c] = true
}

func (s *story) recall() {
	for c := range s.shown {
		s.f.Holders.Show(c, false)
		delete(s.shown, c)
		return
	}
}

func (s *story) remove() {
	id, ok := s.pick()
	if !ok {
		return
	}
	err := s.f.Delete(s.t.Context(), s.owner, id)
	for c := range s.shown {
		if c.File == id && err == nil {
			s.t.Fatalf("step %d: a file that is shown was deleted", s.steps)
		}
	}
}

// check is what a reader could observe at any time.
func (s *story) check() {
	s.t.Helper()
	s.most = max(s.most, len(s.shown))
	for c := range s.shown {
		found, err := s.f.Storage.Find(s.t.Context(), c.File)
		if err != nil || len(found) != 1 || found[0].State != file.Complete {
			s.t.Fatalf("step %d: shown file is %+v, %v", s.steps, found, err)
		}
		content, there := s.f.Blobs.Content(found[0].Upload.Key)
		if !there || sha256.Sum256(content) != found[0].Hash || !bytes.Equal(content, s.bytes[c.File]) {
			s.t.Fatalf("step %d: the bytes of a shown file are %q (%t)", s.steps, content, there)
		}
		for _, thumbnail := range found[0].Thumbnails {
			if _, there := s.f.Blobs.Content(thumbnail.Key); !there {
				s.t.Fatalf("step %d: a thumbnail is missing", s.steps)
			}
		}
	}
}

// settle lets days pass without faults: then the store holds what is shown, and nothing else.
func (s *story) settle() {
	s.t.Helper()
	for range 12 {
		s.f.Clock.Advance(25 * time.Hour)
		for range 3 {
			if err := s.f.Collect(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	s.check()
	var want []string
	for c := range s.shown {
		found, err := s.f.Storage.Find(s.t.Context(), c.File)
		if err != nil {
			s.t.Fatal(err)
		}
		want = append(want, found[0].Upload.Key)
		for _, thumbnail := range found[0].Thumbnails {
			want = append(want, thumbnail.Key)
		}
	}
	slices.Sort(want)
	if got, want := s.f.Blobs.Keys(), slices.Compact(want); !slices.Equal(got, want) {
		s.t.Errorf("the store holds %v, want %v", got, want)
	}
	for _, id := range s.known {
		found, err := s.f.Storage.Find(s.t.Context(), id)
		if shown := slices.ContainsFunc(citations(s.shown), func(c file.Citation) bool { return c.File == id }); err != nil || (len(found) > 0) != shown {
			s.t.Errorf("file %s is %+v, %v; shown: %t", id, found, err, shown)
		}
	}
}

func citations(of map[file.Citation]bool) []file.Citation {
	var list []file.Citation
	for c := range of {
		list = append(list, c)
	}
	return list
}

func TestI24_CollectionTakesAllThatNothingShowsAndNothingElse(t *testing.T) {
	t.Parallel()
	stories, steps := 12, 250
	if testing.Short() {
		stories = 3
	}
	var late atomic.Int64
	t.Cleanup(func() {
		if late.Load() == 0 {
			t.Error("no bytes ever came after the end of their upload")
		}
	})
	for seed := range stories {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := newStory(t, uint64(seed))
			for range steps {
				s.step()
			}
			s.settle()
			if s.most == 0 {
				t.Error("nothing was ever shown")
			}
			late.Add(int64(s.late))
		})
	}
}
