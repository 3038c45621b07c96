// SPDX-License-Identifier: Apache-2.0

package s3blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/parley-chat/parley/services/internal/blob"
)

// reopens is how often a reader takes up a connection that breaks without a byte. One that stalls counts twice.
const reopens = 3

var errLength = errors.New("the answer has another length")

// reader reads a range, over as many connections as it takes.
type reader struct {
	store *Store
	ctx   func() context.Context // of Open
	key   string
	at    int64  // where the next byte is
	rest  int64  // bytes to come; negative as long as they are not known
	etag  string // of what was opened first; all of it has to be of one object

	body   io.ReadCloser
	cancel context.CancelFunc
	stall  *time.Timer
}

// open connects for what is left.
func (r *reader) open(ctx context.Context) error {
	in := &s3.GetObjectInput{Bucket: &r.store.bucket, Key: r.store.name(r.key)}
	switch {
	case r.rest >= 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", r.at, r.at+r.rest-1))
	case r.at > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", r.at))
	}
	if r.etag != "" {
		in.IfMatch = &r.etag
	}
	ctx, cancel := context.WithCancel(counted(ctx))
	stall := time.AfterFunc(r.store.timeout, cancel)
	out, err := r.store.client.GetObject(ctx, in)
	if err != nil {
		stall.Stop()
		cancel()
		return err
	}
	stall.Stop()
	r.body, r.cancel, r.stall = out.Body, cancel, stall
	// A store that does not say how much comes cannot be told from one that breaks off.
	if out.ContentLength == nil || r.etag != "" && *out.ContentLength != r.rest {
		r.disconnect()
		return errLength
	}
	r.etag, r.rest = aws.ToString(out.ETag), *out.ContentLength
	return nil
}

// Read takes a connection up again that breaks or stalls.
func (r *reader) Read(p []byte) (int, error) {
	for try := 0; ; {
		if r.rest == 0 {
			return 0, io.EOF
		}
		if r.body == nil {
			if err := r.open(r.ctx()); err != nil {
				return 0, classify(r.ctx(), err)
			}
		}
		// Only waiting for the store counts: whoever reads may be slow.
		r.stall.Reset(r.store.silence)
		n, err := r.body.Read(p[:min(int64(len(p)), r.rest)])
		stalled := !r.stall.Stop()
		r.at, r.rest = r.at+int64(n), r.rest-int64(n)
		if n > 0 || err == nil {
			return n, nil
		}
		r.disconnect()
		if try++; stalled {
			r.store.pulse.silent.Store(true)
			try++
		}
		if r.ctx().Err() != nil || try > reopens {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, fmt.Errorf("%w: %d bytes did not come: %w", blob.ErrUnavailable, r.rest, err)
		}
	}
}

func (r *reader) disconnect() {
	if r.body != nil {
		r.stall.Stop()
		r.cancel()
		_ = r.body.Close() // nothing was written
		r.body = nil
	}
}

// Close ends the connection; one that was not read to its end is not used again.
func (r *reader) Close() error {
	r.disconnect()
	return nil
}
