// SPDX-License-Identifier: Apache-2.0

package devtest

import (
	"context"
	"maps"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
	fileserver "github.com/parley-chat/parley/services/file/server"
	"github.com/parley-chat/parley/services/internal/process"
)

// RestartFiles ends the file service and starts it again, on the same data and address.
func (s *System) RestartFiles(t testing.TB) {
	t.Helper()
	s.restartFiles(t)
}

// AdvanceFiles sets the clock of the file service forward, by which links and uploads end.
func (s *System) AdvanceFiles(by time.Duration) { s.filesAhead.Add(int64(by)) }

func (r *runner) file(ctx context.Context, listener net.Listener, settings map[string]string) {
	environ := map[string]string{
		component.EnvMySQLDSN: r.dsn("file"), component.EnvFileDir: filepath.Join(r.dir, "files"),
		component.EnvUpstreamMessageURL: r.rpc[component.Message], component.EnvUpstreamUserURL: r.rpc[component.User],
	}
	maps.Copy(environ, settings)
	cfg := load(r, fileserver.Load, environ)
	cfg.OpsListen = ""
	one, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	r.run(func() error {
		defer close(ended)
		return fileserver.Run(one, cfg, fileserver.Parts{
			LinkKeys: [][]byte{[]byte("thirty-two bytes for file links!")},
			Now:      func() time.Time { return time.Now().Add(time.Duration(r.filesAhead.Load())) },
			Parts:    process.Parts{RPC: listener, Keys: r.keys[component.File], Logger: r.logger, Started: r.up},
		})
	})
	r.restartFiles = func(t testing.TB) {
		t.Helper()
		end()
		deadline := time.After(startTimeout)
		select {
		case <-ended:
		case <-deadline:
			t.Fatal("the file service does not end")
		}
		again, err := new(net.ListenConfig).Listen(ctx, "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		r.file(ctx, again, settings)
		select {
		case <-r.started:
		case <-deadline:
			t.Fatal("the file service does not start again")
		}
	}
}
