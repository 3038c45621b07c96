// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/parley-chat/parley/api/client"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
)

// storeHost is where the fake store of presigned requests is.
const storeHost = "store.example"

// shelf is the file service of the fake server, and the store behind it. Tests change what it does through
// the hooks.
type shelf struct {
	filev1connect.UnimplementedFileServiceHandler

	onCall  func(name string, n int) error        // may refuse the n-th call of a name
	onBytes func(r *http.Request, n int) *fate    // what becomes of the n-th request for bytes; nil: all is well
	change  func(content []byte) (damaged []byte) // of what is read
	presign bool                                  // the store can be reached
	over    chan struct{}                         // closed when the server ends

	mu       sync.Mutex // guards what follows
	uploads  map[string]*upload
	byKey    map[string]*upload
	calls    map[string]int
	requests []seen
}

type upload struct {
	file     *filev1.File
	content  []byte
	complete bool
}

// seen is a request for bytes.
type seen struct {
	method, host, offset, ranged, token string
	took                                int
}

// fate of a request for bytes.
type fate struct {
	after  int64 // bytes that still come through
	silent bool  // then nothing happens; else the connection is cut
	refuse error // instead of all
	status int   // instead of all, without a word
	whole  bool  // what comes is answered from its beginning, whatever the range
	lose   bool  // nothing of it is kept
}

func newShelf() *shelf {
	return &shelf{over: make(chan struct{}), uploads: map[string]*upload{}, byKey: map[string]*upload{}, calls: map[string]int{}}
}

func (s *shelf) mount(mux *http.ServeMux) {
	mux.Handle(filev1connect.NewFileServiceHandler(s))
	mux.HandleFunc("/v1/files/{id}", s.bytes)
	mux.HandleFunc(storeHost+"/{id}", s.bytes)
}

// tune changes what the shelf does, while it runs.
func tune[T any](s *shelf, field *T, value T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*field = value
}

func (s *shelf) called(name string) error {
	s.mu.Lock()
	s.calls[name]++
	n, hook := s.calls[name], s.onCall
	s.mu.Unlock()
	if hook != nil {
		return hook(name, n)
	}
	return nil
}

func (s *shelf) count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[name]
}

// saw lists requests for bytes as "METHOD host offset range took".
func (s *shelf) saw() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, r := range s.requests {
		out = append(out, strings.Join(strings.Fields(r.method+" "+r.host+" "+r.offset+" "+r.ranged+" "+strconv.Itoa(r.took)), " "))
	}
	return out
}

// put adds a file that somebody else has uploaded.
func (s *shelf) put(content []byte) (fileID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := sha256.Sum256(content)
	id := "f" + strconv.Itoa(len(s.uploads)+1)
	s.uploads[id] = &upload{file: &filev1.File{FileId: id, Size: int64(len(content)), Sha256: sum[:]}, content: content, complete: true}
	return id
}

// shrink gives a file smaller pictures of 320, 640 … pixels.
func (s *shelf) shrink(id string, pictures ...[]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, picture := range pictures {
		side := int32(320 << i)
		s.uploads[id].file.Thumbnails = append(s.uploads[id].file.Thumbnails, &filev1.Thumbnail{Width: side / 2, Height: side})
		s.uploads[id+"-"+strconv.Itoa(i)] = &upload{content: picture}
	}
}

// content is what the shelf has of the only upload.
func (s *shelf) content(id string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uploads[id].content
}

func (s *shelf) CreateUpload(_ context.Context, in *filev1.CreateUploadRequest) (*filev1.CreateUploadResponse, error) {
	if err := s.called("CreateUpload"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.byKey[in.GetIdempotencyKey()]
	if u == nil {
		u = &upload{file: &filev1.File{
			FileId: "f" + strconv.Itoa(len(s.uploads)+1), Purpose: in.GetPurpose(), Name: in.GetName(), Size: in.GetSize(),
			ContentType: in.GetContentType(), Sha256: in.GetSha256(),
		}}
		s.byKey[in.GetIdempotencyKey()], s.uploads[u.file.GetFileId()] = u, u
	}
	if !bytes.Equal(u.file.GetSha256(), in.GetSha256()) {
		return nil, refusal(connect.CodeAlreadyExists, "IDEMPOTENCY_KEY_REUSED", 0)
	}
	id := u.file.GetFileId()
	out := &filev1.CreateUploadResponse{FileId: id, Url: "/v1/files/" + id, Offset: int64(len(u.content)), Complete: u.complete}
	if s.presign && len(u.content) == 0 {
		out.Presigned = &filev1.Presigned{Method: http.MethodPut, Url: "http://" + storeHost + "/" + id + "?signed", Headers: map[string]string{"X-Signed": "yes"}}
	}
	return out, nil
}

func (s *shelf) CompleteUpload(_ context.Context, in *filev1.CompleteUploadRequest) (*filev1.CompleteUploadResponse, error) {
	if err := s.called("CompleteUpload"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uploads[in.GetFileId()]
	if int64(len(u.content)) < u.file.GetSize() {
		return nil, refusal(connect.CodeFailedPrecondition, "UPLOAD_INCOMPLETE", 0)
	}
	if sum := sha256.Sum256(u.content); !bytes.Equal(sum[:], u.file.GetSha256()) {
		return nil, refusal(connect.CodeInvalidArgument, "CHECKSUM_MISMATCH", 0)
	}
	u.complete = true
	return &filev1.CompleteUploadResponse{File: u.file}, nil
}

func (s *shelf) GetFile(_ context.Context, in *filev1.GetFileRequest) (*filev1.GetFileResponse, error) {
	if err := s.called("GetFile"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uploads[in.GetFileId()]
	if u == nil || !u.complete {
		return nil, refusal(connect.CodeNotFound, "NOT_FOUND", 0)
	}
	file := proto.CloneOf(u.file)
	file.Link = s.link(in.GetFileId(), in.GetThroughParley())
	for i, t := range file.GetThumbnails() {
		t.Link = s.link(in.GetFileId()+"-"+strconv.Itoa(i), in.GetThroughParley())
	}
	return &filev1.GetFileResponse{File: file}, nil
}

func (s *shelf) link(id string, throughParley bool) *filev1.Link {
	if s.presign && !throughParley {
		return &filev1.Link{Url: "http://" + storeHost + "/" + id + "?signed", Presigned: true}
	}
	return &filev1.Link{Url: "/v1/files/" + id + "?s=sealed"}
}

// bytes takes bytes in and gives them out, for Parley and for the store.
func (s *shelf) bytes(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	host := ""
	if r.Host == storeHost {
		host = "store"
	}
	at := len(s.requests)
	s.requests = append(s.requests, seen{method: r.Method, host: host, offset: r.Header.Get("Upload-Offset"), ranged: r.Header.Get("Range"), token: r.Header.Get("Authorization")})
	hook, u := s.onBytes, s.uploads[r.PathValue("id")]
	s.mu.Unlock()
	will := &fate{after: 1 << 40}
	if hook != nil {
		if f := hook(r, at+1); f != nil {
			will = f
		}
	}
	switch {
	case will.refuse != nil:
		_ = connect.NewErrorWriter().Write(w, r, will.refuse)
	case will.status != 0:
		w.WriteHeader(will.status)
	case (host == "") != (r.Header.Get("Authorization") == "Bearer token"), host != "" && r.Method == http.MethodPut && r.Header.Get("X-Signed") != "yes":
		w.WriteHeader(http.StatusForbidden) // the token is for Parley and never for the store
	case r.Method == http.MethodPut:
		s.take(w, r, u, will, at)
	default:
		if will.whole {
			r.Header.Del("Range")
		}
		content := u.content
		if s.change != nil {
			content = s.change(content)
		}
		http.ServeContent(&cutting{w, will, s.over}, r, "", time.Time{}, bytes.NewReader(content))
	}
}

// take keeps what came, also of a request that breaks off; the store keeps all or nothing.
func (s *shelf) take(w http.ResponseWriter, r *http.Request, u *upload, will *fate, at int) {
	content, err := io.ReadAll(io.LimitReader(r.Body, will.after))
	s.mu.Lock()
	offset, _ := strconv.Atoi(r.Header.Get("Upload-Offset"))
	whole := err == nil && int64(len(content)) == r.ContentLength
	s.requests[at].took = len(content)
	switch {
	case will.lose:
	case r.Host == storeHost && whole:
		u.content = content
	case r.Host == storeHost:
	case offset == len(u.content):
		u.content = append(u.content, content...)
	default:
		s.mu.Unlock()
		w.Header().Set("Upload-Offset", strconv.Itoa(len(u.content)))
		_ = connect.NewErrorWriter().Write(w, r, refusal(connect.CodeAborted, "OFFSET_MISMATCH", 0))
		return
	}
	now := len(u.content)
	s.mu.Unlock()
	if will.after < 1<<40 {
		(&cutting{w, will, s.over}).end()
	}
	if r.Host != storeHost {
		w.Header().Set("Upload-Offset", strconv.Itoa(now))
	}
	w.WriteHeader(http.StatusNoContent)
}

// cutting lets so much of an answer through.
type cutting struct {
	http.ResponseWriter
	will *fate
	over <-chan struct{}
}

func (c *cutting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(int64(len(p)), c.will.after)])
	c.will.after -= int64(n)
	if err == nil && c.will.after == 0 {
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		c.end()
	}
	return n, err
}

func (c *cutting) end() {
	if c.will.silent {
		<-c.over // while a body is unread a server does not see that its client has gone
	}
	panic(http.ErrAbortHandler)
}

// refusal is an error as Parley gives it.
func refusal(code connect.Code, reason string, after time.Duration) error {
	err := connect.NewError(code, errors.New("a refusal"))
	for _, m := range []proto.Message{
		&errdetails.ErrorInfo{Reason: reason, Metadata: map[string]string{"about": reason}},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(after)},
	} {
		if detail, failed := connect.NewErrorDetail(m); failed == nil && (after > 0 || m != nil) {
			err.AddDetail(detail)
		}
	}
	return err
}

// idle is a client that does not run, before the fake server.
func idle(t *testing.T, f *fake, change ...func(*client.Config)) *client.Client {
	t.Helper()
	return idleAt(t, serve(t, f), change...)
}

func idleAt(t *testing.T, listener *pipes, change ...func(*client.Config)) *client.Client {
	t.Helper()
	cfg := client.Config{BaseURLs: []string{"http://chat.example"}, Token: "token", Dial: listener.dial, Random: func() float64 { return 0.5 }}
	for _, c := range change {
		c(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
