// SPDX-License-Identifier: Apache-2.0

package devtest

import (
	"context"
	"maps"

	"github.com/parley-chat/parley/api/component"
	speechserver "github.com/parley-chat/parley/services/speech/server"
)

func (r *runner) speech(ctx context.Context, settings map[string]string) {
	listener, url := r.listen()
	r.rpc[component.Speech] = url
	environ := map[string]string{component.EnvUpstreamMessageURL: r.rpc[component.Message], component.EnvUpstreamFileURL: r.rpc[component.File]}
	maps.Copy(environ, settings)
	cfg := load(r, speechserver.Load, environ)
	cfg.OpsListen = ""
	r.run(func() error {
		return speechserver.Run(ctx, cfg, speechserver.Parts{RPC: listener, Broker: r.bus, Keys: r.keys[component.Speech], Logger: r.logger, Started: r.up})
	})
}
