// SPDX-License-Identifier: Apache-2.0

// Package statusz asks a pod for its status.
package statusz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/parley-chat/parley/api/component"
)

const (
	// maxBytes is far above any status and bounds what a wrong address can make us read.
	maxBytes = 64 << 10
	// timeout of one question, however patient the caller is.
	timeout = 2 * time.Second
)

// Client asks pods. It may be used by several goroutines.
type Client struct {
	http  *http.Client
	slots chan struct{}
}

// NewClient makes a Client that asks at most so many pods at once, whoever calls. It follows no redirect
// and uses no proxy: an address is a pod's, and nothing else is asked.
func NewClient(atOnce int) *Client {
	return &Client{
		slots: make(chan struct{}, atOnce),
		http: &http.Client{
			Timeout:       timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				DialContext:            (&net.Dialer{Timeout: timeout}).DialContext,
				ResponseHeaderTimeout:  timeout,
				MaxResponseHeaderBytes: maxBytes,
				// Pods come and go, and are asked seldom: a connection is not worth keeping.
				DisableKeepAlives: true,
			},
		},
	}
}

// Get asks the ops port at address, a host with port. It waits for a slot as long as ctx allows.
func (c *Client) Get(ctx context.Context, address string) (status component.Status, err error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return status, ctx.Err()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+component.StatusPath, nil)
	if err != nil {
		return status, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return status, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return status, fmt.Errorf("status %d", response.StatusCode)
	}
	return status, json.NewDecoder(io.LimitReader(response.Body, maxBytes)).Decode(&status)
}

// Get asks once, for programs that ask a single pod.
func Get(ctx context.Context, address string) (component.Status, error) {
	return NewClient(1).Get(ctx, address)
}
