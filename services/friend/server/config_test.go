// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/friend/server"
)

func TestLoadReadsTheEnvironment(t *testing.T) {
	t.Parallel()
	cfg, err := server.Load(map[string]string{
		"PARLEY_MYSQL_DSN": "mysql://parley:canary@db:3306/friend", "PARLEY_RPC_LISTEN": "127.0.0.1:1",
		"PARLEY_UPSTREAM_USER_URL": "http://user:8081", "PARLEY_UPSTREAM_MESSAGE_URL": "http://message:8081",
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.MySQLDSN.Reveal() != "mysql://parley:canary@db:3306/friend" || cfg.UserURL != "http://user:8081" || cfg.MessageURL != "http://message:8081" {
		t.Errorf("config %+v, want the values of the environment", cfg)
	}
	if cfg.OpsListen != ":9090" || cfg.LogLevel != "info" {
		t.Errorf("config %+v, want the defaults of what is not set", cfg)
	}
	if strings.Contains(fmt.Sprintf("%+v", cfg), "canary") {
		t.Error("the printed config holds the password")
	}
}

func TestLoadTellsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := server.Load(map[string]string{
		"PARLEY_LOG_LEVEL": "loud", "PARLEY_MYSQL_MAX_OPEN_CONNS": "-1", "PARLEY_UPSTREAM_USER_URL": "user:8081",
	})
	for _, want := range []string{
		"PARLEY_LOG_LEVEL", "PARLEY_MYSQL_DSN", "PARLEY_MYSQL_MAX_OPEN_CONNS", "PARLEY_UPSTREAM_USER_URL", "PARLEY_UPSTREAM_MESSAGE_URL",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
}
