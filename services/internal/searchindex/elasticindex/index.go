// SPDX-License-Identifier: Apache-2.0

// Package elasticindex is an index in Elasticsearch 8 or 9.
//
// Each index has a name with a generation, and is reached by aliases alone: <name> to read, <name>-write to
// write, and <name>-next while a new generation is being filled. A write never makes an index by itself.
// Texts are analysed before they come here, so the server needs no plug-in.
package elasticindex

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	es "github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/parley-chat/parley/services/internal/searchindex"
)

// Times and sizes of calls.
const (
	dialTimeout  = 2 * time.Second
	callTimeout  = 10 * time.Second
	findTimeout  = 2 * time.Second
	maxAnswer    = 4 << 20 // bytes
	maxReason    = 300     // characters of what the server says that go into an error
	connsPerHost = 8
)

// Options say where the server is and what belongs to us there.
type Options struct {
	URL                string
	Username, Password string
	APIKey             string      // instead of username and password
	TLS                *tls.Config // for https; nil means what the system trusts
	Name               string      // of the index, for example "parley-messages"
	Replicas           int
	Shards             int // 0 means 1
	Now                func() time.Time
}

// Index is a searchindex.Index.
type Index struct {
	client  *es.Client
	options Options

	mu      sync.Mutex // guards what follows
	looked  time.Time  // when filling was asked for
	filling bool       // a new generation is being filled
}

// New makes an index; nothing is asked yet.
func New(options Options) (*Index, error) {
	client, err := es.NewClient(es.Config{
		Addresses: []string{options.URL}, Username: options.Username, Password: options.Password, APIKey: options.APIKey,
		MaxRetries: 2, RetryOnStatus: []int{http.StatusBadGateway, http.StatusServiceUnavailable},
		EnableCompatibilityMode: true, Transport: transport(options),
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", searchindex.ErrUnfit, err)
	}
	return &Index{client: client, options: options}, nil
}

func transport(o Options) http.RoundTripper {
	return &http.Transport{
		TLSClientConfig: o.TLS, TLSHandshakeTimeout: dialTimeout,
		DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext, ResponseHeaderTimeout: callTimeout,
		MaxIdleConnsPerHost: connsPerHost, MaxConnsPerHost: connsPerHost, IdleConnTimeout: time.Minute,
	}
}

// problem is what the server answers when it refuses.
type problem struct {
	Error struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
	} `json:"error"`
	Status int `json:"status"`
}

// call makes one call and decodes its answer into out, which may be nil.
func (x *Index) call(ctx context.Context, request esapi.Request, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := request.Do(ctx, x.client)
	if err != nil {
		return unanswered(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%w: %w", searchindex.ErrUnavailable, err)
	}
	if answer.IsError() {
		return refusal(answer.StatusCode, body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%w: an answer that is no JSON: %w", searchindex.ErrUnfit, err)
	}
	return nil
}

// unanswered makes an error of a call that got no answer of the server's.
func unanswered(err error) error {
	switch _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); {
	case untrusted:
		return fmt.Errorf("%w: %w", searchindex.ErrCertificate, err)
	case strings.Contains(err.Error(), "not Elasticsearch"): // the client says so of other products
		return fmt.Errorf("%w: %w", searchindex.ErrUnfit, err)
	default:
		return fmt.Errorf("%w: %w", searchindex.ErrUnavailable, err)
	}
}

// errMissing: there is no such index or alias.
var errMissing = errors.New("there is no such index")

// refusal makes an error of an answer that refuses.
func refusal(status int, body []byte) error {
	var p problem
	_ = json.Unmarshal(body, &p) // a proxy in between answers something else
	text := fmt.Sprintf("%d %s: %.*s", status, p.Error.Type, maxReason, p.Error.Reason)
	switch {
	case status == http.StatusNotFound:
		return fmt.Errorf("%w: %w: %s", searchindex.ErrUnavailable, errMissing, text)
	case later(status, p.Error.Type):
		return fmt.Errorf("%w: %s", searchindex.ErrUnavailable, text)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("%w: %s", searchindex.ErrForbidden, text)
	default:
		return fmt.Errorf("%w: %s", searchindex.ErrUnfit, text)
	}
}

// later tells whether the same call may succeed at another time: the server is away or busy, or its disk is
// full and it takes nothing.
func later(status int, kind string) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError ||
		status == http.StatusRequestTimeout || strings.Contains(kind, "cluster_block")
}

// body encodes a request.
func body(v any) io.Reader {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps and texts can be encoded
	}
	return bytes.NewReader(text)
}
