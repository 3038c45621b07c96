// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net/http"
	"slices"
)

// crossOrigin answers the question of a browser whether another site may call, and marks the answer of
// a call from one that may. It tells whether the request is answered.
func (h *handler) crossOrigin(w http.ResponseWriter, r *http.Request) (answered bool) {
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.Contains(h.Origins, origin) {
		return false
	}
	out := w.Header()
	out.Set("Access-Control-Allow-Origin", origin)
	out.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	out.Set("Access-Control-Allow-Methods", http.MethodPost)
	out.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Connect-Protocol-Version, Connect-Timeout-Ms, "+
		"Grpc-Timeout, X-Grpc-Web, X-User-Agent")
	out.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
	return true
}
