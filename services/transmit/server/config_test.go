// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/transmit/server"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		"PARLEY_UPSTREAM_FRIEND_URL": "http://friend:8081", "PARLEY_UPSTREAM_MESSAGE_URL": "http://message:8081",
	}
	with := func(key, value string) map[string]string {
		m := map[string]string{key: value}
		for k, v := range good {
			if _, set := m[k]; !set {
				m[k] = v
			}
		}
		return m
	}
	rows := map[string]struct {
		environ map[string]string
		wrong   []string // what the error names
	}{
		"two services are enough":       {good, nil},
		"a fixed ring is read":          {with("PARLEY_RING_MEMBERS", "0=gateway-0@http://127.0.0.1:8081"), nil},
		"no services":                   {nil, []string{"PARLEY_UPSTREAM_FRIEND_URL", "PARLEY_UPSTREAM_MESSAGE_URL"}},
		"a ring that is none":           {with("PARLEY_RING_MEMBERS", "x"), []string{"PARLEY_RING_MEMBERS"}},
		"an unknown log level":          {with("PARLEY_LOG_LEVEL", "loud"), []string{"PARLEY_LOG_LEVEL"}},
		"all problems are told at once": {map[string]string{"PARLEY_LOG_LEVEL": "loud"}, []string{"PARLEY_LOG_LEVEL", "FRIEND_URL"}},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := server.Load(row.environ)
			if (err != nil) != (len(row.wrong) > 0) {
				t.Fatalf("error %v", err)
			}
			for _, key := range row.wrong {
				if !strings.Contains(err.Error(), key) {
					t.Errorf("error %v does not name %s", err, key)
				}
			}
		})
	}
}

func TestConfigHidesItsSecret(t *testing.T) {
	t.Parallel()
	cfg, err := server.Load(map[string]string{
		"PARLEY_UPSTREAM_FRIEND_URL": "http://friend:8081", "PARLEY_UPSTREAM_MESSAGE_URL": "http://message:8081",
		"PARLEY_RABBITMQ_URL": "amqp://me:hush@mq/",
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.AMQPURL.Reveal() != "amqp://me:hush@mq/" || cfg.OpsListen != ":9090" {
		t.Errorf("config %+v", cfg)
	}
	if strings.Contains(cfg.AMQPURL.String(), "hush") {
		t.Error("the password can be printed")
	}
}
