// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// ServeHTTP answers on a listener, which it closes, until ctx ends; then it lets running calls end, and cuts those
// that last longer than wait.
func ServeHTTP(ctx context.Context, server *http.Server, listener net.Listener, wait time.Duration) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait)
	defer cancel()
	err := server.Shutdown(stop)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	<-served //nolint:errcheck // always http.ErrServerClosed here
	return err
}
