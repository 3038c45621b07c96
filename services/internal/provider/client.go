// SPDX-License-Identifier: Apache-2.0

// Package provider holds what calls to servers of others have in common: the client, and what is remembered of
// how they fare.
package provider

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// Limits of a client. What is zero is not bounded.
type Limits struct {
	Connect time.Duration // for a connection, and again for its TLS
	Answer  time.Duration // until an answer begins
	Idle    time.Duration // how long an unused connection is kept
	Header  int64         // bytes; zero: as many as net/http takes
}

// NewClient follows no redirect: keys, codes and recordings would go to somebody else. Nil trusts what the system
// does.
func NewClient(trusted *tls.Config, l Limits) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: l.Connect}).DialContext,
			TLSClientConfig:        trusted,
			TLSHandshakeTimeout:    l.Connect,
			ResponseHeaderTimeout:  l.Answer,
			IdleConnTimeout:        l.Idle,
			MaxResponseHeaderBytes: l.Header,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
