// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

func TestAWebSocketOfASeatGoesToItsService(t *testing.T) {
	t.Parallel()
	const all = "demo-gateway.chat.svc.cluster.local:8080"
	for path, want := range map[string]string{
		"/":               all,
		"/v1/ws":          all,
		"/v1/ws/0":        "demo-gateway-0.chat.svc.cluster.local:8080",
		"/v1/ws/12":       "demo-gateway-12.chat.svc.cluster.local:8080",
		"/v1/ws/007":      all,
		"/v1/ws/-1":       all,
		"/v1/ws/1/x":      all,
		"/v1/ws/99999":    all,
		"/v1/ws/a.b.evil": all,
	} {
		if got := gatewayOf(path); got != want {
			t.Errorf("%s leads to %s, want %s", path, got, want)
		}
	}
}
