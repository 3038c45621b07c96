// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

const (
	// maxBodyBytes bounds a request, and maxLargeBytes one of a method that takes more: four MiB of sound, also
	// as base64 in JSON.
	maxBodyBytes  = 1 << 20
	maxLargeBytes = 6 << 20
	// maxCompressedBytes bounds a compressed one: what it grows to is bounded only where it is read.
	maxCompressedBytes = 64 << 10
	// callDeadline bounds a call; the component has a tighter one.
	callDeadline = 31 * time.Second
)

// call is one request to a route.
type call struct {
	route     route
	requestID string
	client    string // address, without listen port
}

// serveCall checks a call and hands it on.
func (h *handler) serveCall(w http.ResponseWriter, r *http.Request, c call) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "calls are POST", http.StatusMethodNotAllowed)
		return
	}
	if !isRPC(r) {
		http.Error(w, "the content type is none of an RPC", http.StatusUnsupportedMediaType)
		return
	}
	caller, err := h.admit(w, r, c)
	if err == nil {
		err = h.sign(r, c, caller)
	}
	if err != nil {
		h.refuse(w, r, c, err)
		return
	}
	ctx, cancel := context.WithTimeout(identity.NewContext(r.Context(), caller), callDeadline)
	defer cancel()
	h.metrics.call(c.route, "passed")
	h.forward[c.route.component].ServeHTTP(w, r.WithContext(ctx))
}

// bodyLimit of a request without compression.
func (r route) bodyLimit() int64 {
	if r.large {
		return maxLargeBytes
	}
	return maxBodyBytes
}

// admit checks size, token and rate, in this order.
func (h *handler) admit(w http.ResponseWriter, r *http.Request, c call) (identity.Caller, error) {
	limit := c.route.bodyLimit()
	if isCompressed(r.Header) {
		limit = maxCompressedBytes
	}
	if r.ContentLength > limit {
		return identity.Caller{}, rpcserver.ErrTooLarge
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	caller := identity.Caller{Issuer: h.Keys.Self(), RequestID: c.requestID, ClientAddress: c.client}
	token, given := bearer(r.Header)
	r.Header.Del("Authorization")
	if !c.route.user || (!given && c.route.public) {
		return caller, h.rates.public(c.client)
	}
	if !given {
		return caller, fault.ErrUnauthenticated
	}
	login, err := h.verify(r.Context(), c.client, token)
	if err != nil {
		return caller, err
	}
	caller.UserID, caller.LoginSessionID, caller.DeviceID = login.User, login.Session, login.Device
	if err := h.rates.user(login.User); err != nil {
		return caller, err
	}
	if c.route.sends {
		if err := h.rates.send(login.User); err != nil {
			return caller, err
		}
	}
	if c.route.reads {
		caller.ReceiptsHidden = h.Tokens.ReceiptsHidden(r.Context(), token)
	}
	if !c.route.admin {
		return caller, nil
	}
	caller.Role, err = h.Roles.Role(r.Context(), token)
	return caller, err
}

// verify asks what a token proves; an address that comes with bad ones again and again is refused first.
func (h *handler) verify(ctx context.Context, client, token string) (gateway.Login, error) {
	if err := h.rates.mayFail(client); err != nil {
		return gateway.Login{}, err
	}
	login, err := h.Tokens.Verify(ctx, token)
	if fault.KindOf(err) == fault.Unauthenticated && err != nil {
		h.rates.failed(client)
	}
	if err == nil && !h.Tokens.Fresh() {
		err = fault.ErrUnavailable.Because(errors.New("ended login sessions are not known"))
	}
	return login, err
}

// sign puts the identity on the request, for the component that it goes to.
func (h *handler) sign(r *http.Request, c call, caller identity.Caller) error {
	header, err := h.Keys.Sign(caller, c.route.component, h.Now())
	if err != nil {
		return err
	}
	r.Header.Set(identity.Header, header)
	return nil
}

// bearer reads the token; the scheme is case-insensitive (RFC 9110 section 11.1).
func bearer(header http.Header) (token string, ok bool) {
	scheme, token, ok := strings.Cut(header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != "" && len(token) <= 256
}

// isRPC tells the content types of Connect, gRPC and gRPC-Web.
func isRPC(r *http.Request) bool {
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	contentType = strings.TrimSpace(contentType)
	switch contentType {
	case "application/json", "application/proto":
		return true
	}
	return strings.HasPrefix(contentType, "application/grpc") || strings.HasPrefix(contentType, "application/connect+")
}

// isCompressed looks where each protocol says so.
func isCompressed(header http.Header) bool {
	for _, name := range []string{"Content-Encoding", "Connect-Content-Encoding", "Grpc-Encoding"} {
		if v := header.Get(name); v != "" && v != "identity" {
			return true
		}
	}
	return false
}
