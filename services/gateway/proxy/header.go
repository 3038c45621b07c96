// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/services/internal/identity"
)

// closedPolicy allows nothing.
const closedPolicy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"

// requestIDHeader names the request in logs; it goes out, and what comes in does not count.
const requestIDHeader = "X-Request-Id"

// plainHost is a host that may stand in a policy as it is.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?$`)

func newRequestID() string { return uuid.Must(uuid.NewV7()).String() }

// ownHeaders are the headers that the gateway sets on every answer.
func ownHeaders() []string {
	return []string{
		"Content-Security-Policy", "Strict-Transport-Security", "X-Content-Type-Options", "Referrer-Policy",
		"Cross-Origin-Opener-Policy", "Permissions-Policy", "Cache-Control", "Vary", requestIDHeader,
	}
}

// setHeaders sets what every answer carries, refusals too. A file of the web client may loosen the
// cache rule later.
func (h *handler) setHeaders(out http.Header, r *http.Request, requestID string) {
	out.Set("Content-Security-Policy", h.policyFor(r.Host))
	out.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	out.Set("X-Content-Type-Options", "nosniff")
	out.Set("Referrer-Policy", "no-referrer")
	out.Set("Cross-Origin-Opener-Policy", "same-origin")
	out.Set("Permissions-Policy", "microphone=(self)")
	out.Set("Cache-Control", "no-store")
	out.Set("Vary", "Origin")
	out.Set(requestIDHeader, requestID)
}

// policyFor names the WebSocket of this host, which not every browser counts as 'self'.
func (h *handler) policyFor(host string) string {
	if h.Policy == "" {
		return closedPolicy
	}
	if !plainHost.MatchString(host) {
		return h.Policy
	}
	return strings.Replace(h.Policy, "connect-src 'self'", "connect-src 'self' ws://"+host+" wss://"+host, 1)
}

// strip takes out what only the inside may say.
func strip(in http.Header) {
	for name := range in {
		if strings.HasPrefix(name, "X-User-") || strings.HasPrefix(name, "X-Forwarded-") {
			delete(in, name)
		}
	}
	for _, name := range []string{identity.Header, "Forwarded", "Cookie", "X-Real-Ip", requestIDHeader} {
		in.Del(name)
	}
}

// clientAddress is the peer; behind trusted proxies it is the last address that none of them has.
func (h *handler) clientAddress(r *http.Request) string {
	peer := hostOf(r.RemoteAddr)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && h.trusts(peer); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		peer = next.Unmap().String()
	}
	return peer
}

func (h *handler) trusts(address string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	for _, prefix := range h.TrustedProxies {
		if prefix.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// hostOf cuts the listen port off.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().WithZone("").String()
	}
	return host
}
