// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
)

const (
	// partSize is what one request brings, so that a break costs little whatever stands in between. Servers
	// store in steps of this size.
	partSize = 5 << 20
	// completeDeadline is for a server that reads the whole file again.
	completeDeadline = time.Minute

	offsetHeader = "Upload-Offset"
)

// Upload is a file to be sent.
type Upload struct {
	// Purpose decides what the file must be and how large it may be; 0: PURPOSE_FILE.
	Purpose filev1.Purpose
	// Name is for display and saving; empty: that of Content, if it is a file.
	Name string
	// ContentType is what the sender takes it for; may be empty.
	ContentType string
	// Content gives the bytes. They are read more than once and must not change.
	Content io.ReaderAt
	// Size of Content in bytes; 0: asked of Content, which files, bytes.Reader, strings.Reader and
	// io.SectionReader tell.
	Size int64
	// Key stands for this upload: a UUID, made once and kept. Who calls again with the same one, in another
	// process too, goes on where the bytes ended, or gets the file. Empty: a new one, for this call alone.
	Key string
	// Progress hears how many bytes have left; after a break they may be fewer. Nil: nobody listens.
	Progress func(sent int64)
}

// Upload sends a file and answers it; a message can show it then: Image, File, Voice. It needs no Run. Breaks
// and servers that are away are waited for until ctx ends, so give it a deadline. A FileError says why the
// server does not take it; after CHECKSUM_MISMATCH, CONTENT_TYPE_MISMATCH and FILE_UNFIT a new Key is needed.
func (c *Client) Upload(ctx context.Context, u Upload) (*filev1.File, error) {
	s := &sending{c: c, content: u.Content, progress: u.Progress}
	if s.progress == nil {
		s.progress = func(int64) {}
	}
	var err error
	if s.request, err = u.announce(ctx); err == nil {
		err = c.persist(ctx, s.try)
	}
	if err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	return s.file, nil
}

// announce reads the content for its SHA-256.
func (u Upload) announce(ctx context.Context) (*filev1.CreateUploadRequest, error) {
	if u.Content == nil {
		return nil, errors.New("no content")
	}
	if file, ok := u.Content.(interface{ Name() string }); ok && u.Name == "" {
		u.Name = filepath.Base(file.Name())
	}
	if u.Purpose == filev1.Purpose_PURPOSE_UNSPECIFIED {
		u.Purpose = filev1.Purpose_PURPOSE_FILE
	}
	if u.Key == "" {
		u.Key = uuid.NewString()
	}
	if err := u.measure(); err != nil {
		return nil, err
	}
	hash := sha256.New()
	n, err := io.Copy(hash, &interrupted{ctx, io.NewSectionReader(u.Content, 0, u.Size)})
	if err == nil && n < u.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("read content: %w", err)
	}
	return &filev1.CreateUploadRequest{
		Purpose: u.Purpose, Name: u.Name, Size: u.Size, ContentType: u.ContentType, Sha256: hash.Sum(nil), IdempotencyKey: u.Key,
	}, nil
}

// measure asks the content how large it is, unless that is said.
func (u *Upload) measure() error {
	if u.Size != 0 {
		return nil
	}
	switch content := u.Content.(type) {
	case interface{ Size() int64 }:
		u.Size = content.Size()
	case interface{ Stat() (fs.FileInfo, error) }:
		info, err := content.Stat()
		if err != nil {
			return err
		}
		u.Size = info.Size()
	}
	if u.Size <= 0 {
		return errors.New("no size, or nothing in the content")
	}
	return nil
}

// interrupted is a reader that fails once ctx has ended.
type interrupted struct {
	ctx context.Context //nolint:containedctx // io.Reader has none
	r   io.Reader
}

// Read reads on.
func (i *interrupted) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

// sending is one call of Upload.
type sending struct {
	c        *Client
	content  io.ReaderAt
	progress func(int64)
	request  *filev1.CreateUploadRequest
	best     int64 // the server has had so much
	passed   bool  // the store was tried
	file     *filev1.File
}

// try asks how far the upload is and brings what is missing.
func (s *sending) try(ctx context.Context) (moved bool, err error) {
	before := s.best
	err = s.whole(ctx)
	return s.best > before, err
}

func (s *sending) whole(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, rpcDeadline)
	defer cancel()
	created, err := s.c.rpc.files.CreateUpload(call, s.request)
	if err != nil {
		return err
	}
	if !created.GetComplete() {
		if err := s.send(ctx, created); err != nil {
			return err
		}
	}
	s.progress(s.request.GetSize())
	call, cancel = context.WithTimeout(ctx, completeDeadline)
	defer cancel()
	done, err := s.c.rpc.files.CompleteUpload(call, &filev1.CompleteUploadRequest{FileId: created.GetFileId()})
	if err != nil {
		return err
	}
	s.file = done.GetFile()
	return nil
}

// send brings the bytes to the store if it may, else and after a failure there through Parley.
func (s *sending) send(ctx context.Context, created *filev1.CreateUploadResponse) error {
	if p := created.GetPresigned(); p != nil && !s.passed {
		s.passed = true
		all, err := s.past(ctx, p)
		if err == nil || all {
			return nil // completion finds out whether it came
		}
		if _, own := errors.AsType[ownError](err); own || ctx.Err() != nil {
			return err
		}
		s.c.cfg.Logger.Debug("the store cannot be reached", "error", err)
	}
	size := s.request.GetSize()
	for at := created.GetOffset(); at < size; {
		s.best = max(s.best, at)
		next, err := s.part(ctx, created.GetUrl(), at, min(partSize, size-at))
		if err != nil {
			return err
		}
		at = next
	}
	s.best = size
	return nil
}

// past sends the whole to the store. If no answer came it tells whether all of it had left.
func (s *sending) past(ctx context.Context, p *filev1.Presigned) (all bool, err error) {
	put := &put{method: p.GetMethod(), url: p.GetUrl(), size: s.request.GetSize(), foreign: true, header: http.Header{}}
	for name, value := range p.GetHeaders() {
		put.header.Set(name, value)
	}
	_, read, err := s.put(ctx, put)
	_, answered := errors.AsType[*connect.Error](err)
	return read == put.size && !answered, err
}

// part sends bytes to Parley, and answers where it is then.
func (s *sending) part(ctx context.Context, url string, at, size int64) (int64, error) {
	answered, _, err := s.put(ctx, &put{method: http.MethodPut, url: url, at: at, size: size, header: http.Header{
		offsetHeader: {strconv.FormatInt(at, 10)}, "Content-Type": {"application/octet-stream"},
	}})
	if err != nil {
		return 0, err
	}
	next, err := strconv.ParseInt(answered.Get(offsetHeader), 10, 64)
	if err != nil || next <= at || next > s.request.GetSize() {
		return 0, fmt.Errorf("after bytes from %d on the server is at %q", at, answered.Get(offsetHeader))
	}
	return next, nil
}

// put is one request that brings bytes.
type put struct {
	method, url string
	at, size    int64
	header      http.Header
	foreign     bool // to the store
}

// put sends it, and answers how much of the content was taken, also with an error.
func (s *sending) put(ctx context.Context, p *put) (answered http.Header, read int64, err error) {
	ctx, patience := patiently(ctx)
	defer patience.stop()
	from := &outgoing{
		r: io.NewSectionReader(s.content, p.at, p.size), size: p.size, patience: patience,
		sent: func(n int64) { s.progress(p.at + n) },
	}
	request, err := http.NewRequestWithContext(ctx, p.method, p.url, from)
	if err != nil {
		return nil, 0, err
	}
	request.ContentLength, request.Header = p.size, p.header
	answer, err := s.c.exchange(request, p.foreign)
	read, failed := from.detach()
	if answer != nil {
		defer answer.Body.Close() // it says nothing more
	}
	switch {
	case failed != nil:
		return nil, read, ownError{failed}
	case err != nil:
		return nil, read, err
	case answer.StatusCode/100 != 2:
		return nil, read, refusalOf(answer)
	}
	return answer.Header, read, nil
}

// outgoing is content on its way. The transport may hold it longer than its request lasts; the content is
// not touched after detach.
type outgoing struct {
	mu       sync.Mutex // guards what follows
	r        io.Reader
	size     int64
	read     int64
	err      error // of the content
	over     bool
	patience *patience
	sent     func(int64)
}

// Read reads on.
func (o *outgoing) Read(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return 0, io.ErrClosedPipe
	}
	o.patience.rest()
	n, err := o.r.Read(p)
	o.read += int64(n)
	if errors.Is(err, io.EOF) && o.read < o.size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && !errors.Is(err, io.EOF) {
		o.err = fmt.Errorf("read content: %w", err)
	}
	if n > 0 {
		o.sent(o.read)
	}
	o.patience.count()
	return n, err
}

// detach ends the use of the content.
func (o *outgoing) detach() (read int64, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	return o.read, o.err
}
