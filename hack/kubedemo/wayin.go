// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"time"

	"github.com/parley-chat/parley/api/component"
)

// seatPath is where a client opens its WebSocket when the way in routes by seat.
var seatPath = regexp.MustCompile(`^/v1/ws/(0|[1-9][0-9]{0,3})$`)

// keepWayIn serves the local address until ctx ends, as an Ingress does in other clusters: a WebSocket of a
// seat goes to the Service of that seat, all else to the Service of all gateways. Names are looked up in the
// DNS of the cluster, so seats may come and go.
func (d demo) keepWayIn(ctx context.Context) error {
	dns, err := d.kubectl(ctx, "-n", "kube-system", "get", "service", "kube-dns", "-o", "jsonpath={.spec.clusterIP}")
	if err != nil {
		return err
	}
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(dns, "53"))
	}}
	server := &http.Server{Handler: wayIn(resolver), ReadHeaderTimeout: 10 * time.Second}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.listen)
	if err != nil {
		return fmt.Errorf("%w: stop what listens there, or choose another address with -listen", err)
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func wayIn(resolver *net.Resolver) http.Handler {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Resolver: resolver}
	return &httputil.ReverseProxy{
		FlushInterval: -1,
		// Each request finds a pod of its own: a connection that is kept would stay with one that has ended.
		Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: gatewayOf(r.In.URL.Path)})
			r.Out.Host = r.In.Host // the gateway compares it with the Origin
			r.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "no gateway answers: "+err.Error(), http.StatusBadGateway)
		},
	}
}

// gatewayOf is the Service that a path leads to.
func gatewayOf(path string) string {
	service := chatName + "-gateway"
	if seat := seatPath.FindStringSubmatch(path); seat != nil {
		service += "-" + seat[1]
	}
	return fmt.Sprintf("%s.%s.svc.cluster.local:%d", service, chatNamespace, component.PublicPort)
}
