// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/message/server"
)

func TestLoadTakesTheEnvironment(t *testing.T) {
	t.Parallel()
	cfg, err := server.Load(map[string]string{
		component.EnvMySQLDSN: "sqlite:/data/message.db", component.EnvAMQPURL: "amqp://broker/", component.EnvRPCListen: ":1",
		component.EnvOpsListen: ":2", component.EnvKeysDir: "/keys", component.EnvLogLevel: "debug",
		component.EnvMySQLMaxOpenConns: "7", component.EnvRecallWindow: "1m", component.EnvEditWindow: "1h",
		component.EnvUpstreamFriendURL: "http://friend:8081", component.EnvUpstreamFileURL: "http://file:8081", component.EnvTranscripts: "true",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{
		cfg.MySQLDSN.Reveal(), cfg.AMQPURL.Reveal(), cfg.RPCListen, cfg.OpsListen, cfg.KeysDir, cfg.LogLevel,
		cfg.MySQLMaxOpenConns, cfg.RecallWindow, cfg.EditWindow, cfg.FriendURL, cfg.FileURL, cfg.Transcripts,
	}
	want := []any{
		"sqlite:/data/message.db", "amqp://broker/", ":1", ":2", "/keys", "debug", 7, time.Minute, time.Hour, "http://friend:8081", "http://file:8081", true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadHasDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := server.Load(map[string]string{
		component.EnvMySQLDSN: "sqlite:/data/message.db", component.EnvUpstreamFriendURL: "http://friend:8081",
	})
	if err != nil || cfg.RPCListen != ":8081" || cfg.OpsListen != ":9090" || cfg.LogLevel != "info" || cfg.MySQLMaxOpenConns != 20 {
		t.Errorf("%+v, %v", cfg, err)
	}
}

func TestValidateTellsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	err := server.Config{LogLevel: "loud", MySQLMaxOpenConns: -1, Lanes: 99, EditWindow: -1, FileURL: "file"}.Validate()
	for _, want := range []string{
		component.EnvMySQLDSN, component.EnvMySQLMaxOpenConns, "lanes", component.EnvEditWindow, component.EnvLogLevel, component.EnvUpstreamFriendURL, component.EnvUpstreamFileURL,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in %v", want, err)
		}
	}
	if _, err := server.Load(map[string]string{component.EnvMySQLMaxOpenConns: "many"}); err == nil {
		t.Error("a number that is none was taken")
	}
}
