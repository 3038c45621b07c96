// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
)

// Download writes the bytes of a file that the user may read to w, and answers the file. It needs no Run. A
// download that breaks goes on where it was until ctx ends, so give it a deadline. With an error, what w has
// is of no use: ErrDamaged comes after the last byte. A FileError says why the server does not give it.
func (c *Client) Download(ctx context.Context, fileID string, w io.Writer) (*filev1.File, error) {
	f := &fetching{c: c, request: &filev1.GetFileRequest{FileId: fileID}, w: w, hash: sha256.New()}
	if err := c.persist(ctx, f.try); err != nil {
		return nil, fmt.Errorf("download: %w", err)
	}
	return f.file, nil
}

// DownloadFile is Download to a path, readable by its owner only: all of the file, checked, or nothing. What
// was there before stays until then.
func (c *Client) DownloadFile(ctx context.Context, fileID, path string) (file *filev1.File, err error) {
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return nil, fmt.Errorf("download: %w", err)
	}
	defer func() {
		if err != nil {
			_ = part.Close()
			_ = os.Remove(part.Name())
		}
	}()
	if file, err = c.Download(ctx, fileID, part); err != nil {
		return nil, err
	}
	if err = errors.Join(part.Sync(), part.Close()); err == nil {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		return nil, fmt.Errorf("download: %w", err)
	}
	return file, nil
}

// fetching is one call of Download.
type fetching struct {
	c       *Client
	request *filev1.GetFileRequest
	w       io.Writer
	hash    hash.Hash // of what was written
	at      int64     // so much was written
	file    *filev1.File
}

// try asks for a link, for one lives a minute only, and fetches what is missing.
func (f *fetching) try(ctx context.Context) (moved bool, err error) {
	call, cancel := context.WithTimeout(ctx, rpcDeadline)
	defer cancel()
	answer, err := f.c.rpc.files.GetFile(call, f.request)
	if err != nil {
		return false, err
	}
	f.file = answer.GetFile()
	link, before := f.file.GetLink(), f.at
	err = f.fetch(ctx, link)
	moved = f.at > before
	if err != nil && link.GetPresigned() && !moved {
		f.request.ThroughParley = true // the store cannot be reached from here
	}
	if err == nil && !bytes.Equal(f.hash.Sum(nil), f.file.GetSha256()) {
		err = ownError{ErrDamaged}
	}
	return moved, err
}

// fetch gets the bytes from where they ended.
func (f *fetching) fetch(ctx context.Context, link *filev1.Link) error {
	ctx, patience := patiently(ctx)
	defer patience.stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, link.GetUrl(), nil)
	if err != nil {
		return err
	}
	if f.at > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", f.at))
	}
	answer, err := f.c.exchange(request, link.GetPresigned())
	if err != nil {
		return err
	}
	defer answer.Body.Close() // what was read is checked
	body := &incoming{answer.Body, patience}
	switch from := fmt.Sprintf("bytes %d-", f.at); {
	case answer.StatusCode == http.StatusOK:
		if _, err := io.CopyN(io.Discard, body, f.at); err != nil {
			return err
		}
	case answer.StatusCode == http.StatusPartialContent && strings.HasPrefix(answer.Header.Get("Content-Range"), from):
	default:
		return noBytes(answer, link)
	}
	_, err = io.CopyN(f, body, f.file.GetSize()-f.at)
	return err
}

// noBytes is why a link did not give what was asked for: a store says no more than a number.
func noBytes(answer *http.Response, link *filev1.Link) error {
	if link.GetPresigned() {
		return fmt.Errorf("the store answers HTTP %d", answer.StatusCode)
	}
	return refusalOf(answer)
}

// Write hands bytes on and counts them.
func (f *fetching) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	_, _ = f.hash.Write(p[:n]) // never fails
	f.at += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, ownError{fmt.Errorf("write content: %w", err)}
	}
	return n, nil
}

// incoming is the body of an answer, whose reads are waited for with patience.
type incoming struct {
	r        io.Reader
	patience *patience
}

// Read reads on.
func (i *incoming) Read(p []byte) (int, error) {
	i.patience.count()
	defer i.patience.rest()
	return i.r.Read(p)
}
