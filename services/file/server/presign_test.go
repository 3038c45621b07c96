// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"image"
	"image/png"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/file/filetest"
	"github.com/parley-chat/parley/services/file/server"
	"github.com/parley-chat/parley/services/file/sqlstore"
	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/blob/s3blob"
	"github.com/parley-chat/parley/services/internal/blob/s3blob/s3test"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

// newBucket of a real server, which clients reach under another name than we do.
func newBucket(t *testing.T) s3blob.Config {
	t.Helper()
	c := s3test.MakeBucket(t, s3test.Config(t))
	c.PublicEndpoint = strings.Replace(c.Endpoint, "127.0.0.1", "localhost", 1)
	return c
}

// presigning is a server whose clients reach the store, with that store.
func presigning(t *testing.T, now func() time.Time) (*running, *s3blob.Store) {
	t.Helper()
	c := newBucket(t)
	c.Now = now
	cfg, store := config(t), s3test.Open(t, c)
	cfg.S3 = server.S3Config{
		Endpoint: c.Endpoint, PublicEndpoint: c.PublicEndpoint, Bucket: c.Bucket, Region: s3blob.DefaultRegion, PathStyle: true,
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey,
	}
	if now == nil {
		return start(t, cfg), store // which opens its own
	}
	return startOn(t, cfg, store), store
}

// anybody sends a request to the store, with no token.
func anybody(t *testing.T, method, address string, headers map[string]string, content []byte) (int, http.Header, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, got
}

func send(t *testing.T, p *filev1.Presigned, content []byte) int {
	t.Helper()
	status, _, _ := anybody(t, p.GetMethod(), p.GetUrl(), p.GetHeaders(), content)
	return status
}

// reason of a refusal.
func reason(err error) string {
	known, ok := fault.Of(err)
	if !ok {
		return ""
	}
	return known.Reason()
}

func aPicture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 900, 600))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ofPicture(r *filev1.CreateUploadRequest) *filev1.CreateUploadRequest {
	r.Purpose, r.Name = filev1.Purpose_PURPOSE_IMAGE, `a "b".png`
	return r
}

func TestB1_B3_PastParleyOnARealStore(t *testing.T) {
	t.Parallel()
	r, _ := presigning(t, nil)
	ann, content := ids.NewUser(), aPicture(t)
	client := r.client(t, component.Gateway)
	created, err := client.CreateUpload(as(t, ann), ofPicture(announce(content)))
	if err != nil {
		t.Fatal(err)
	}
	complete := &filev1.CompleteUploadRequest{FileId: created.GetFileId()}
	if _, err := client.CompleteUpload(as(t, ann), complete); reason(err) != "UPLOAD_INCOMPLETE" {
		t.Errorf("completed without an object: %v", err)
	}
	if put := created.GetPresigned(); !strings.HasPrefix(put.GetUrl(), "http://localhost:") || send(t, put, content) != http.StatusOK {
		t.Fatalf("the presigned request %v is refused", put)
	}
	for range 2 { // again is no error
		done, err := client.CompleteUpload(as(t, ann), complete)
		if err != nil || done.GetFile().GetWidth() != 900 || !done.GetFile().GetLink().GetPresigned() {
			t.Fatalf("completed: %v, %v", done, err)
		}
	}
	if again, err := client.CreateUpload(as(t, ids.NewUser()), ofPicture(announce(content))); err != nil || again.GetFileId() == created.GetFileId() {
		t.Errorf("announced by another: %v, %v", again, err)
	}
	got, err := client.GetFile(as(t, ann), &filev1.GetFileRequest{FileId: created.GetFileId()})
	if err != nil {
		t.Fatal(err)
	}
	f := got.GetFile()
	checkPicture(t, f.GetLink(), content)
	if len(f.GetThumbnails()) != 2 {
		t.Errorf("thumbnails %v", f.GetThumbnails())
	}
	for _, thumbnail := range f.GetThumbnails() {
		checkPicture(t, thumbnail.GetLink(), nil)
	}
	if status, _, part := anybody(t, http.MethodGet, f.GetLink().GetUrl(), map[string]string{"Range": "bytes=1-3"}, nil); status != http.StatusPartialContent || !bytes.Equal(part, content[1:4]) {
		t.Errorf("a range: %d, %d bytes", status, len(part))
	}
	through, err := client.BatchGetFiles(as(t, ann), &filev1.BatchGetFilesRequest{FileIds: []string{f.GetFileId()}, ThroughParley: true})
	if err != nil || through.GetFiles()[0].GetLink().GetPresigned() {
		t.Fatalf("links through Parley: %v, %v", through, err)
	}
	if status, body := r.bytes(t, component.Gateway, ann, http.MethodGet, through.GetFiles()[0].GetLink().GetUrl(), nil); status != http.StatusOK || !bytes.Equal(body, content) {
		t.Errorf("through Parley: %d, %d bytes", status, len(body))
	}
	if _, err := client.GetFile(as(t, ids.NewUser()), &filev1.GetFileRequest{FileId: f.GetFileId()}); reason(err) != "NOT_FOUND" {
		t.Errorf("somebody else gets %v", err)
	}
}

// checkPicture fetches a link as anybody who has it: what it is, and its name, are those that were signed.
func checkPicture(t *testing.T, link *filev1.Link, want []byte) {
	t.Helper()
	status, header, got := anybody(t, http.MethodGet, link.GetUrl(), nil, nil)
	if !link.GetPresigned() || status != http.StatusOK || want != nil && !bytes.Equal(got, want) || len(got) == 0 {
		t.Errorf("%v: %d, %d bytes", link, status, len(got))
	}
	if kind, disposition := header.Get("Content-Type"), header.Get("Content-Disposition"); kind != "image/png" && kind != "image/jpeg" ||
		!strings.HasPrefix(disposition, "inline;") {
		t.Errorf("%v is %s, %s", link, kind, disposition)
	}
	for _, more := range []string{"&response-content-type=text%2Fhtml", "&response-content-disposition=inline"} {
		if status, _, _ := anybody(t, http.MethodGet, link.GetUrl()+more, nil, nil); status < 400 {
			t.Errorf("with %s: %d", more, status)
		}
	}
	for _, change := range [][2]string{{"image%2F", "text%2F"}, {"inline", "attachment"}} {
		if status, _, _ := anybody(t, http.MethodGet, strings.Replace(link.GetUrl(), change[0], change[1], 1), nil, nil); status < 400 {
			t.Errorf("with %s instead of %s: %d", change[1], change[0], status)
		}
	}
}

func TestC8_WhatABrowserMustNotShowIsSavedFromTheStoreToo(t *testing.T) {
	t.Parallel()
	r, _ := presigning(t, nil)
	ann, content := ids.NewUser(), []byte("<!doctype html><script>alert(1)</script>")
	client := r.client(t, component.Gateway)
	created, err := client.CreateUpload(as(t, ann), announce(content))
	if err != nil || send(t, created.GetPresigned(), content) != http.StatusOK {
		t.Fatalf("create: %v, %v", created, err)
	}
	done, err := client.CompleteUpload(as(t, ann), &filev1.CompleteUploadRequest{FileId: created.GetFileId()})
	if err != nil {
		t.Fatal(err)
	}
	status, header, got := anybody(t, http.MethodGet, done.GetFile().GetLink().GetUrl(), nil, nil)
	if kind, disposition := header.Get("Content-Type"), header.Get("Content-Disposition"); status != http.StatusOK || !bytes.Equal(got, content) ||
		kind != "application/octet-stream" || !strings.HasPrefix(disposition, "attachment;") {
		t.Errorf("%d, %d bytes: %s, %s", status, len(got), kind, disposition)
	}
}

func TestC8_APresignedRequestIsForItsBytesAlone(t *testing.T) {
	t.Parallel()
	r, store := presigning(t, nil)
	ann, content := ids.NewUser(), bytes.Repeat([]byte("hello"), 1000)
	client := r.client(t, component.Gateway)
	created, err := client.CreateUpload(as(t, ann), announce(content))
	if err != nil {
		t.Fatal(err)
	}
	put := created.GetPresigned()
	at := strings.Index(put.GetUrl(), "?")
	key := put.GetUrl()[strings.LastIndex(put.GetUrl()[:at-31], "/")+1 : at]
	other := blob.NewKey()
	for name, change := range map[string]func(p *filev1.Presigned) []byte{
		"another key":  func(p *filev1.Presigned) []byte { p.Url = strings.Replace(p.GetUrl(), key, other, 1); return content },
		"another type": func(p *filev1.Presigned) []byte { p.Headers["Content-Type"] = "text/html"; return content },
		"fewer bytes":  func(*filev1.Presigned) []byte { return content[:100] },
		"more bytes":   func(*filev1.Presigned) []byte { return append(bytes.Clone(content), 'x') },
		"other bytes":  func(*filev1.Presigned) []byte { return bytes.ToUpper(content) },
		"another sum": func(p *filev1.Presigned) []byte {
			p.Headers["X-Amz-Checksum-Sha256"] = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
			return content
		},
		"no sum": func(p *filev1.Presigned) []byte {
			delete(p.GetHeaders(), "X-Amz-Checksum-Sha256")
			return bytes.ToUpper(content)
		},
		"later": func(p *filev1.Presigned) []byte {
			p.Url = strings.Replace(p.GetUrl(), "X-Amz-Expires=300", "X-Amz-Expires=3000", 1)
			return content
		},
		"a read": func(p *filev1.Presigned) []byte { p.Method = http.MethodGet; return nil },
		"an end": func(p *filev1.Presigned) []byte { p.Method = http.MethodDelete; return nil },
	} {
		changed := &filev1.Presigned{Method: put.GetMethod(), Url: put.GetUrl(), Headers: maps.Clone(put.GetHeaders())}
		body := change(changed)
		if changed.GetUrl() == put.GetUrl() && (name == "another key" || name == "later") {
			t.Fatalf("%s changes nothing: %s", name, put.GetUrl())
		}
		if status := send(t, changed, body); status < 400 {
			t.Errorf("%s: %d", name, status)
		}
	}
	for _, k := range []string{key, other} {
		if _, err := store.Stat(t.Context(), k); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("something lies under %s: %v", k, err)
		}
	}
	if _, err := client.CompleteUpload(as(t, ann), &filev1.CompleteUploadRequest{FileId: created.GetFileId()}); reason(err) != "UPLOAD_INCOMPLETE" {
		t.Errorf("completed: %v", err)
	}
	if _, err := blob.Put(t.Context(), store, key, bytes.ToUpper(content)); err != nil { // as a store would that checks nothing
		t.Fatal(err)
	}
	if _, err := client.CompleteUpload(as(t, ann), &filev1.CompleteUploadRequest{FileId: created.GetFileId()}); reason(err) != "CHECKSUM_MISMATCH" {
		t.Errorf("completed with other bytes: %v", err)
	}
}

// Requests that were signed a while ago.
func TestC8_PresignedRequestsEnd(t *testing.T) {
	t.Parallel()
	var ago atomic.Int64
	r, _ := presigning(t, func() time.Time { return time.Now().Add(-time.Duration(ago.Load())) })
	ann, content := ids.NewUser(), []byte("hello")
	client := r.client(t, component.Gateway)
	announced := announce(content)
	create := func(passed time.Duration) *filev1.CreateUploadResponse {
		t.Helper()
		ago.Store(int64(passed))
		created, err := client.CreateUpload(as(t, ann), announced)
		if err != nil {
			t.Fatal(err)
		}
		return created
	}
	if status := send(t, create(5*time.Minute+5*time.Second).GetPresigned(), content); status < 400 {
		t.Errorf("a write after its five minutes: %d", status)
	}
	created := create(4 * time.Minute)
	if status := send(t, created.GetPresigned(), content); status != http.StatusOK {
		t.Errorf("a repeat of the announcement gives none that works: %d", status)
	}
	if _, err := client.CompleteUpload(as(t, ann), &filev1.CompleteUploadRequest{FileId: created.GetFileId()}); err != nil {
		t.Fatal(err)
	}
	for passed, works := range map[time.Duration]bool{0: true, 65 * time.Second: false} {
		ago.Store(int64(passed))
		got, err := client.GetFile(as(t, ann), &filev1.GetFileRequest{FileId: created.GetFileId()})
		if err != nil {
			t.Fatal(err)
		}
		if status, _, _ := anybody(t, http.MethodGet, got.GetFile().GetLink().GetUrl(), nil, nil); (status == http.StatusOK) != works || !works && status < 400 {
			t.Errorf("a link %s after it was made: %d", passed, status)
		}
	}
}

func TestB3_HalfThroughParleyAndThenPastItOnARealStore(t *testing.T) {
	t.Parallel()
	r, store := presigning(t, nil)
	ann, content := ids.NewUser(), bytes.Repeat([]byte("parley "), 1<<20) // more than a step of the store
	client := r.client(t, component.Gateway)
	announced := announce(content)
	created, err := client.CreateUpload(as(t, ann), announced)
	if err != nil {
		t.Fatal(err)
	}
	r.bytes(t, component.Gateway, ann, http.MethodPut, created.GetUrl(), content[:6<<20]) // the rest never comes
	if again, err := client.CreateUpload(as(t, ann), announced); err != nil || again.GetPresigned() != nil || again.GetOffset() != 6<<20 {
		t.Fatalf("announced again: %v, %v", again, err)
	}
	if parts, err := store.Unfinished(t.Context(), "", 10); err != nil || len(parts) != 1 {
		t.Fatalf("parts %v, %v", parts, err)
	}
	if status := send(t, created.GetPresigned(), content); status != http.StatusOK {
		t.Fatalf("past Parley: %d", status)
	}
	done, err := client.CompleteUpload(as(t, ann), &filev1.CompleteUploadRequest{FileId: created.GetFileId()})
	if err != nil {
		t.Fatal(err)
	}
	if status, _, got := anybody(t, http.MethodGet, done.GetFile().GetLink().GetUrl(), nil, nil); status != http.StatusOK || !bytes.Equal(got, content) {
		t.Errorf("the file: %d, %d bytes", status, len(got))
	}
	if parts, err := store.Unfinished(t.Context(), "", 10); err != nil || len(parts) != 0 {
		t.Errorf("parts are left: %v, %v", parts, err)
	}
}

// A request that outlives its upload brings bytes that nobody sees, and that are removed with the row.
func TestI24_NoOrphanStaysInARealStore(t *testing.T) {
	t.Parallel()
	store, clock := s3test.Open(t, newBucket(t)), filetest.NewClock()
	rows := sqlstore.New(sqldbtest.Open(t, sqldbtest.SQLiteDSN(t), sqlstore.Migrations))
	links, err := file.NewLinks("", []byte(filetest.Key))
	if err != nil {
		t.Fatal(err)
	}
	service := file.New(file.Ports{
		Uploads: rows, Citations: rows, Leftovers: rows, Holders: filetest.NewHolders(), Blobs: store, Writes: store, Presigner: store,
	}, file.Options{Links: links, Now: clock.Now, Logger: slog.New(slog.DiscardHandler)})
	ann, content := ids.NewUser(), []byte("hello")
	made, err := service.Create(t.Context(), file.Announcement{
		Owner: ann, Purpose: file.Plain, Name: "a", Size: 5, Hash: sha256.Sum256(content), Key: ids.NewIdempotencyKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	put := service.Presign(t.Context(), made)
	if err := service.Delete(t.Context(), ann, made.ID); err != nil {
		t.Fatal(err)
	}
	if status, _, text := anybody(t, put.Method, put.URL, put.Headers, content); status != http.StatusOK {
		t.Fatalf("late bytes: %d %s", status, text)
	}
	if _, err := service.Complete(t.Context(), ann, made.ID); !errors.Is(err, file.ErrNotFound) {
		t.Errorf("completed after it was removed: %v", err)
	}
	for range 2 {
		if err := service.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
		clock.Advance(25 * time.Hour)
	}
	if objects, err := store.List(t.Context(), "", 10); err != nil || len(objects) != 0 {
		t.Errorf("the store has %v for ever, %v", objects, err)
	}
	if found, err := rows.Find(t.Context(), made.ID); err != nil || len(found) != 0 {
		t.Errorf("the row is %v, %v", found, err)
	}
}
