// SPDX-License-Identifier: Apache-2.0

package s3blob

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/singleflight"

	"github.com/parley-chat/parley/services/internal/blob"
)

const (
	// silentRepeats is how often a call asks again after nobody answered: each time costs a whole silence.
	silentRepeats = 1
	// probeTimeout bounds the question whether a store is back, and probeWait how long others wait for its answer.
	probeTimeout = 3 * time.Second
	probeWait    = 500 * time.Millisecond
	// sendBuffer is what the system may hold of what was written. With more of it, nobody could tell a slow store from
	// a silent one. At 1 ms to the store it allows more than 100 MB/s.
	sendBuffer = 128 << 10
	// pieceBytes are written at once: what moves a silence on.
	pieceBytes = 16 << 10
)

// errSilent says that a store is left alone.
var errSilent = errors.New("it did not answer before, and does not now")

// pulse knows whether the store answers at all.
type pulse struct {
	silent atomic.Bool // the last request had no answer
	asking singleflight.Group
}

// awake is nil as long as the store answers. After it did not, one question at a time finds out whether it does again,
// and meanwhile nobody waits for long.
func (s *Store) awake(ctx context.Context) error {
	if !s.pulse.silent.Load() {
		return nil
	}
	asked := s.pulse.asking.DoChan("", func() (any, error) {
		probe, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
		defer cancel()
		_, err := s.client.ListObjectsV2(probe, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &s.prefix, MaxKeys: aws.Int32(1)},
			func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
		return nil, classify(probe, err)
	})
	wait := time.NewTimer(probeWait)
	defer wait.Stop()
	select {
	case answer := <-asked:
		return answer.Err
	case <-wait.C:
		return fmt.Errorf("%w: %w", blob.ErrUnavailable, errSilent)
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", blob.ErrUnavailable, ctx.Err())
	}
}

// sender sends requests and notes whether the store answers.
type sender struct {
	usual   *http.Client
	patient *http.Client // for what a store may think about for long
	pulse   *pulse
}

// Do sends a request. Who gives up its own request learns nothing of the store.
func (c sender) Do(r *http.Request) (*http.Response, error) {
	client := c.usual
	if r.Method == http.MethodPost && strings.Contains(r.URL.RawQuery, "uploadId=") { // it puts parts together
		client = c.patient
	}
	answer, err := client.Do(r) //nolint:gosec // the endpoint is set by who runs it
	if !errors.Is(err, context.Canceled) {
		c.pulse.silent.Store(err != nil)
	}
	return answer, err
}

// moving is a connection on which each piece must be taken in time: a request ends when nobody takes it any more, and
// takes as long as it needs while somebody does.
type moving struct {
	net.Conn

	silence time.Duration
}

// Write writes piece by piece.
func (c moving) Write(b []byte) (written int, err error) {
	for first := true; first || len(b) > 0; first = false {
		end := time.Now().Add(c.silence) //nolint:forbidigo // connections know no other clock
		if err := c.SetWriteDeadline(end); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(b[:min(len(b), pieceBytes)])
		if written += n; err != nil {
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}

func dial(silence time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: min(dialTimeout, silence)}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if plain, ok := connection.(*net.TCPConn); ok {
			_ = plain.SetWriteBuffer(sendBuffer) // without it all works, a little less exactly
		}
		return moving{connection, silence}, nil
	}
}

// repeats counts, in the context of a call, how often it asked again after silence.
type repeats struct{}

func counted(ctx context.Context) context.Context {
	return context.WithValue(ctx, repeats{}, new(atomic.Int32))
}

// isLate tells that nothing came, which is not the same as a connection that broke.
func isLate(err error) bool {
	late, ok := errors.AsType[net.Error](err)
	return ok && late.Timeout()
}

// sparing repeats what may have been bad luck: no answer, too busy, or bytes that changed on their way. Silence may be
// that of one server of many, so it is repeated too, but not for long.
type sparing struct{ aws.RetryerV2 }

// GetRetryToken allows a repetition.
func (r sparing) GetRetryToken(ctx context.Context, cause error) (release func(error) error, err error) {
	if used, ok := ctx.Value(repeats{}).(*atomic.Int32); ok && isLate(cause) && used.Add(1) > silentRepeats {
		return nil, errSilent
	}
	return r.RetryerV2.GetRetryToken(ctx, cause)
}

func retryer() aws.Retryer {
	return sparing{retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = attempts, maxBackoff
		o.RateLimiter = ratelimit.None // each call has its own bound
		o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{
			"BadDigest": {}, "XAmzContentSHA256Mismatch": {}, "IncompleteBody": {},
		}})
	})}
}
