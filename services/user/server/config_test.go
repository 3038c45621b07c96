// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/user/server"
)

func TestLoadReadsTheEnvironment(t *testing.T) {
	t.Parallel()
	cfg, err := server.Load(map[string]string{
		"PARLEY_MYSQL_DSN": "mysql://parley:canary@db:3306/user", "PARLEY_MYSQL_MAX_OPEN_CONNS": "7",
		"PARLEY_RPC_LISTEN": "127.0.0.1:1", "PARLEY_LOG_LEVEL": "debug",
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.MySQLDSN.Reveal() != "mysql://parley:canary@db:3306/user" || cfg.MySQLMaxOpenConns != 7 || cfg.RPCListen != "127.0.0.1:1" {
		t.Errorf("config %+v, want the values of the environment", cfg)
	}
	if cfg.OpsListen != ":9090" || cfg.KeysDir != "/etc/parley/keys" {
		t.Errorf("config %+v, want the defaults of what is not set", cfg)
	}
	if strings.Contains(fmt.Sprintf("%+v", cfg), "canary") {
		t.Error("the printed config holds the password")
	}
}

func TestLoadTellsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := server.Load(map[string]string{"PARLEY_LOG_LEVEL": "loud", "PARLEY_MYSQL_MAX_OPEN_CONNS": "-1"})
	for _, want := range []string{"PARLEY_LOG_LEVEL", "PARLEY_MYSQL_DSN", "PARLEY_MYSQL_MAX_OPEN_CONNS"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
}
