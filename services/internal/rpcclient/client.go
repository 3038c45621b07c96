// SPDX-License-Identifier: Apache-2.0

package rpcclient

import (
	"context"
	"net"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/identity"
)

const (
	// maxMessageBytes of an answer, where Options say no more.
	maxMessageBytes = 1 << 20
	// dialTimeout is long for a cluster's network and short beside a call's deadline; chosen.
	dialTimeout = 2 * time.Second
	// idleTimeout is below the server's 75 s, so that a request never meets a connection that the
	// server is about to close.
	idleTimeout = 60 * time.Second
	// headerTimeout is the longest call.
	headerTimeout = 30 * time.Second
	// Connections per upstream address; chosen. Lanes and batches keep the number of calls in flight low.
	maxIdleConns = 64
	maxConns     = 256
)

// Options of a client. All fields are required but MaxAnswerBytes, Transport and Now.
type Options struct {
	// Self is the component that calls.
	Self component.Name
	// Audience is the component that is called.
	Audience component.Name
	// BaseURL of the audience, for example http://acme-message:8081.
	BaseURL string
	// Keys sign the calls.
	Keys identity.Keys
	// MaxAnswerBytes of a component that answers more than 1 MiB; 0: that is the bound.
	MaxAnswerBytes int
	// Transport carries the calls; nil makes one with NewTransport.
	Transport http.RoundTripper
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Client holds what a generated client needs. It is safe for concurrent use.
type Client struct {
	baseURL string
	http    *http.Client
	answer  int // bytes at most
	caller  caller
}

// New makes a client; nothing is dialled before the first call.
func New(options Options) *Client {
	transport := options.Transport
	if transport == nil {
		transport = NewTransport()
	}
	now := options.Now
	if now == nil {
		now = time.Now //nolint:forbidigo // the default of the option
	}
	return &Client{
		baseURL: options.BaseURL,
		answer:  max(options.MaxAnswerBytes, maxMessageBytes),
		http:    &http.Client{Transport: transport, CheckRedirect: noRedirect},
		caller:  caller{keys: options.Keys, audience: options.Audience, now: now},
	}
}

// noRedirect hands the answer back: no component redirects, so a redirect is an error.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// NewTransport makes a transport for calls between components: HTTP/1.1 with kept connections, no
// proxy. One per process is right.
func NewTransport() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: idleTimeout}).DialContext,
		MaxIdleConns:           4 * maxIdleConns,
		MaxIdleConnsPerHost:    maxIdleConns,
		MaxConnsPerHost:        maxConns,
		IdleConnTimeout:        idleTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 16 << 10,
	}
}

// HTTPClient is the first argument of a generated client.
func (c *Client) HTTPClient() connect.HTTPClient { return c.http }

// BaseURL is the second argument of a generated client.
func (c *Client) BaseURL() string { return c.baseURL }

// Options are the last argument of a generated client.
func (c *Client) Options() []connect.ClientOption {
	return []connect.ClientOption{
		connect.WithReadMaxBytes(c.answer),
		// Inside one cluster compression costs more than the bytes.
		connect.WithAcceptCompression("gzip", nil, nil),
		connect.WithInterceptors(connect.UnaryInterceptorFunc(c.caller.wrap)),
	}
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

type caller struct {
	keys     identity.Keys
	audience component.Name
	now      func() time.Time
}

// wrap gives a call its deadline and identity, and its error our form.
func (c caller) wrap(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		header, err := c.keys.Sign(identity.FromContext(ctx), c.audience, c.now())
		if err != nil {
			return nil, err
		}
		request.Header().Set(identity.Header, header)
		callCtx, cancel := context.WithTimeout(ctx, c.budget(ctx))
		defer cancel()
		response, err := next(callCtx, request)
		if err != nil {
			return nil, fromConnect(ctx, request.Spec().Procedure, err)
		}
		return response, nil
	}
}

const (
	defaultDeadline = 5 * time.Second
	maxDeadline     = 30 * time.Second
	// margin is left to the caller to answer after an upstream that took all its time; chosen.
	margin = 50 * time.Millisecond
)

// budget of a call: nine tenths of what its caller has, at least all but the margin.
func (c caller) budget(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return defaultDeadline
	}
	left := end.Sub(c.now())
	return min(left-min(margin, left/10), maxDeadline)
}
