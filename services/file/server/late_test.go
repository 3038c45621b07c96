// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/file/filetest"
	"github.com/parley-chat/parley/services/file/server"
	"github.com/parley-chat/parley/services/file/sqlstore"
	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/blob/blobtest"
	"github.com/parley-chat/parley/services/internal/blob/folderblob"
	"github.com/parley-chat/parley/services/internal/blob/s3blob/s3test"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/picture"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

// gate stops who comes first until it is opened, for half a minute at most.
type gate struct {
	once          sync.Once
	reached, open chan struct{}
}

func newGate() *gate { return &gate{reached: make(chan struct{}), open: make(chan struct{})} }

func (g *gate) pass() {
	if g != nil {
		g.once.Do(func() { close(g.reached); await(g.open) })
	}
}

func await(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-time.After(30 * time.Second):
		return false
	}
}

// gatedStore and gatedRows stop a process before it makes a blob, or a file.
type gatedStore struct {
	server.Store

	finish *gate
}

func (s gatedStore) Finish(ctx context.Context, u blob.Upload) (blob.Object, error) {
	s.finish.pass()
	return s.Store.Finish(ctx, u)
}

type gatedRows struct {
	*sqlstore.Store

	finish *gate
}

func (s gatedRows) Finish(ctx context.Context, f file.File) (file.File, error) {
	s.finish.pass()
	return s.Store.Finish(ctx, f)
}

// race is an owner with processes on one store of bytes and one database, and an upload.
type race struct {
	t              *testing.T
	store          server.Store
	presigner      blob.Presigner
	rows           *sqlstore.Store
	clock          *filetest.Clock
	holders        *filetest.Holders
	made           file.File
	content, other []byte
}

// pod is one more process.
func (r *race) pod(blobs, rows *gate) *file.Service {
	r.t.Helper()
	links, err := file.NewLinks("", []byte(filetest.Key))
	if err != nil {
		r.t.Fatal(err)
	}
	gated := gatedRows{r.rows, rows}
	store := gatedStore{r.store, blobs}
	return file.New(file.Ports{
		Uploads: gated, Citations: gated, Leftovers: gated, Holders: r.holders, Blobs: store, Writes: store, Presigner: r.presigner,
		Thumbnails: picture.NewMaker(picture.DefaultBudget, picture.DefaultTimeout),
	}, file.Options{Links: links, Now: r.clock.Now, Logger: slog.New(slog.DiscardHandler)})
}

// whole sends all bytes of the upload.
func (r *race) whole(pod *file.Service, body io.Reader) {
	part := file.Part{Owner: r.made.Owner, File: r.made.ID, Offset: -1, Size: r.made.Size}
	_, _ = pod.Receive(r.t.Context(), part, body) // whoever comes second may hear so
}

func (r *race) complete(pod *file.Service) {
	_, _ = pod.Complete(r.t.Context(), r.made.Owner, r.made.ID)
}

// aside completes, and goes on elsewhere once that has come to a gate. The answer waits for its end.
func (r *race) aside(pod *file.Service, g *gate) (end func()) {
	r.t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); r.complete(pod) }()
	select {
	case <-g.reached:
	case <-done:
	}
	return func() {
		close(g.open)
		if !await(done) {
			r.t.Error("completing does not end")
		}
	}
}

// past sends the announced bytes to the store itself.
func (r *race) past() {
	r.t.Helper()
	put := r.pod(nil, nil).Presign(r.t.Context(), r.made)
	if status, _, text := anybody(r.t, put.Method, put.URL, put.Headers, r.content); status != http.StatusOK {
		r.t.Errorf("past Parley: %d %s", status, text)
	}
}

// midway runs something in the middle of a body.
func midway(content []byte, meanwhile func()) io.Reader {
	return io.MultiReader(bytes.NewReader(content[:len(content)/2]), &once{run: meanwhile}, bytes.NewReader(content[len(content)/2:]))
}

type once struct{ run func() }

func (o *once) Read([]byte) (int, error) { o.run(); return 0, io.EOF }

// aSlowBody of other bytes ends when the file is complete.
func aSlowBody(r *race) {
	r.whole(r.pod(nil, nil), midway(r.other, func() {
		quick := r.pod(nil, nil)
		r.whole(quick, bytes.NewReader(r.content))
		r.complete(quick)
	}))
}

// aSlowComplete of other bytes goes on when somebody else's bytes have become the file.
func aSlowComplete(r *race) {
	end := func() {}
	second := r.pod(nil, nil)
	r.whole(second, midway(r.content, func() {
		g := newGate()
		first := r.pod(g, nil)
		r.whole(first, bytes.NewReader(r.other))
		end = r.aside(first, g)
	}))
	r.complete(second)
	end()
}

// aSlowBodyThatIsPassed ends when the file has come past Parley.
func aSlowBodyThatIsPassed(r *race) {
	r.whole(r.pod(nil, nil), midway(r.other, func() {
		r.past()
		r.complete(r.pod(nil, nil))
	}))
	r.complete(r.pod(nil, nil))
}

// aCompleteThatIsPassed: bytes that came past Parley were found good, and others come before that is noted.
func aCompleteThatIsPassed(r *race) {
	r.past()
	good, bad := newGate(), newGate()
	noted := r.aside(r.pod(nil, good), good)
	second := r.pod(bad, nil)
	r.whole(second, bytes.NewReader(r.other))
	written := r.aside(second, bad)
	noted()
	written()
}

func TestB3_OtherBytesNeverReplaceTheFile(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(r *race){"a slow body": aSlowBody, "a slow complete": aSlowComplete} {
		t.Run(name+", folder", func(t *testing.T) {
			t.Parallel()
			races(t, run, func(t *testing.T) (server.Store, blob.Presigner) {
				t.Helper()
				store, err := folderblob.Open(t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = store.Close() })
				return store, nil
			})
		})
	}
	for name, run := range map[string]func(r *race){
		"a slow body": aSlowBody, "a slow complete": aSlowComplete,
		"a slow body that is passed": aSlowBodyThatIsPassed, "a complete that is passed": aCompleteThatIsPassed,
	} {
		t.Run(name+", S3", func(t *testing.T) {
			t.Parallel()
			races(t, run, func(t *testing.T) (server.Store, blob.Presigner) {
				t.Helper()
				store := s3test.Open(t, newBucket(t))
				return store, store
			})
		})
	}
}

// races runs one for sizes of which the store makes another kind of write.
func races(t *testing.T, run func(r *race), open func(t *testing.T) (server.Store, blob.Presigner)) {
	t.Helper()
	for i, size := range []int{5000, blob.StepBytes + 5000} {
		store, presigner := open(t)
		r := &race{
			t: t, store: store, presigner: presigner, rows: sqlstore.New(sqldbtest.Open(t, sqldbtest.SQLiteDSN(t), sqlstore.Migrations)),
			clock: filetest.NewClock(), holders: filetest.NewHolders(), content: blobtest.Content(uint64(i), size), other: blobtest.Content(uint64(i)+10, size),
		}
		var err error
		if r.made, err = r.pod(nil, nil).Create(t.Context(), filetest.Announce(ids.NewUser(), file.Plain, r.content)); err != nil {
			t.Fatal(err)
		}
		run(r)
		r.check()
	}
}

// check reads what the store gives to whoever has a presigned link, now and when all is collected.
func (r *race) check() {
	r.t.Helper()
	found, err := r.rows.Find(r.t.Context(), r.made.ID)
	if err != nil || len(found) != 1 {
		r.t.Fatalf("file %+v, %v", found, err)
	}
	complete := found[0].State == file.Complete
	if complete {
		r.same("the file")
		c := filetest.Message(r.made.Owner, r.made.ID)
		r.holders.Show(c, true)
		wish := file.Wish{Citation: c, User: r.made.Owner, Purpose: file.Plain}
		if cited, err := r.pod(nil, nil).Cite(r.t.Context(), []file.Wish{wish}); err != nil || cited[0] == nil {
			r.t.Fatalf("cited %v, %v", cited, err)
		}
	}
	r.clock.Advance(time.Since(r.clock.Now())) // parts bear the time of the store
	for range 4 {
		r.clock.Advance(25 * time.Hour)
		if err := r.pod(nil, nil).Collect(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
	}
	if left, err := r.store.Unfinished(r.t.Context(), "", 10); err != nil || len(left) > 0 {
		r.t.Errorf("late bytes stay: %+v, %v", left, err)
	}
	if complete {
		r.same("the file, once all is collected")
		return
	}
	if objects, err := r.store.List(r.t.Context(), "", 10); err != nil || len(objects) > 0 {
		r.t.Errorf("nothing is complete, and the store has %+v, %v", objects, err)
	}
}

func (r *race) same(what string) {
	r.t.Helper()
	content, err := r.store.Open(r.t.Context(), r.made.Upload.Key, 0, -1)
	if err != nil {
		r.t.Fatal(err)
	}
	defer content.Close()
	got, err := io.ReadAll(content)
	if err != nil || sha256.Sum256(got) != r.made.Hash {
		r.t.Errorf("%s: %d bytes that nobody has checked, %v", what, len(got), err)
	}
}
