// SPDX-License-Identifier: Apache-2.0

package server

import (
	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
)

// Parts is what the surrounding process gives; what is missing is made from the Config.
type Parts = process.Parts

func (c Config) process() process.Settings {
	return process.Settings{
		Component: component.User, LogLevel: c.LogLevel, RPCListen: c.RPCListen, OpsListen: c.OpsListen,
		KeysDir: c.KeysDir, AMQPURL: c.AMQPURL, Namespace: c.Namespace,
	}
}
