// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
)

// Parts is what the surrounding process gives; what is missing is made from the Config.
type Parts = process.Parts

func (c Config) process() process.Settings {
	return process.Settings{
		Component: component.Message, LogLevel: c.LogLevel, RPCListen: c.RPCListen, OpsListen: c.OpsListen,
		KeysDir: c.KeysDir, AMQPURL: c.AMQPURL, Namespace: c.Namespace,
	}
}

// complete makes what was not given. Closed ends a broker made here and is never nil.
func complete(ctx context.Context, cfg Config, given Parts) (parts Parts, closed func() error, err error) {
	closed = func() error { return nil }
	if parts, err = given.LoadWithPageKey(cfg.process()); err != nil {
		return parts, closed, err
	}
	if parts, err = parts.Listen(ctx, cfg.process()); err != nil {
		return parts, closed, err
	}
	return parts.OpenBroker(cfg.process()) //nolint:contextcheck // it lives until it is closed
}
