// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/gateway/server"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		"PARLEY_UPSTREAM_USER_URL": "http://user:8081", "PARLEY_UPSTREAM_FRIEND_URL": "http://friend:8081",
		"PARLEY_UPSTREAM_FILE_URL": "http://file:8081", "PARLEY_UPSTREAM_MESSAGE_URL": "http://message:8081",
	}
	for name, row := range map[string]struct {
		change map[string]string
		wrong  []string // what the error names
	}{
		"four addresses are enough": {},
		"everything set": {change: map[string]string{
			"PARLEY_RING_MEMBERS": "0=gateway-0@http://127.0.0.1:8081", "PARLEY_GATEWAY_ALLOWED_ORIGINS": "https://a.example,http://localhost:5173",
			"PARLEY_GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8", "PARLEY_GATEWAY_DRAIN_TIMEOUT": "5s", "PARLEY_GATEWAY_SENDS_PER_SECOND": "0.5",
		}},
		"no user service":                                 {map[string]string{"PARLEY_UPSTREAM_USER_URL": ""}, []string{"PARLEY_UPSTREAM_USER_URL"}},
		"an address without scheme":                       {map[string]string{"PARLEY_UPSTREAM_FRIEND_URL": "friend:8081"}, []string{"PARLEY_UPSTREAM_FRIEND_URL"}},
		"a ring that is none":                             {map[string]string{"PARLEY_RING_MEMBERS": "x"}, []string{"PARLEY_RING_MEMBERS"}},
		"an origin with a path":                           {map[string]string{"PARLEY_GATEWAY_ALLOWED_ORIGINS": "https://a.example/"}, []string{"PARLEY_GATEWAY_ALLOWED_ORIGINS"}},
		"an origin of files with a path":                  {map[string]string{"PARLEY_FILES_ORIGIN": "https://files.example/x"}, []string{"PARLEY_FILES_ORIGIN"}},
		"an origin of files that is more than one source": {map[string]string{"PARLEY_FILES_ORIGIN": "https://files.example;script-src"}, []string{"PARLEY_FILES_ORIGIN"}},
		"an object store with port":                       {change: map[string]string{"PARLEY_OBJECT_STORE_ORIGIN": "http://chat-files.s3.example:9000"}},
		"an object store by address":                      {change: map[string]string{"PARLEY_OBJECT_STORE_ORIGIN": "http://[::1]:9000"}},
		"an object store with a path":                     {map[string]string{"PARLEY_OBJECT_STORE_ORIGIN": "https://s3.example/bucket"}, []string{"PARLEY_OBJECT_STORE_ORIGIN"}},
		"an object store with a slash":                    {map[string]string{"PARLEY_OBJECT_STORE_ORIGIN": "https://s3.example/"}, []string{"PARLEY_OBJECT_STORE_ORIGIN"}},
		"an object store without scheme":                  {map[string]string{"PARLEY_OBJECT_STORE_ORIGIN": "s3.example"}, []string{"PARLEY_OBJECT_STORE_ORIGIN"}},
		"an object store of another scheme":               {map[string]string{"PARLEY_OBJECT_STORE_ORIGIN": "s3://bucket"}, []string{"PARLEY_OBJECT_STORE_ORIGIN"}},
		"an object store that is everywhere":              {map[string]string{"PARLEY_OBJECT_STORE_ORIGIN": "https://*.example"}, []string{"PARLEY_OBJECT_STORE_ORIGIN"}},
		"an object store that is two":                     {map[string]string{"PARLEY_OBJECT_STORE_ORIGIN": "https://a.example https://b.example"}, []string{"PARLEY_OBJECT_STORE_ORIGIN"}},
		"an object store with more policy":                {map[string]string{"PARLEY_OBJECT_STORE_ORIGIN": "https://a.example;script-src"}, []string{"PARLEY_OBJECT_STORE_ORIGIN"}},
		"no file service":                                 {map[string]string{"PARLEY_UPSTREAM_FILE_URL": ""}, []string{"PARLEY_UPSTREAM_FILE_URL"}},
		"an origin with a star":                           {map[string]string{"PARLEY_GATEWAY_ALLOWED_ORIGINS": "*"}, []string{"PARLEY_GATEWAY_ALLOWED_ORIGINS"}},
		"a proxy that is no network":                      {map[string]string{"PARLEY_GATEWAY_TRUSTED_PROXIES": "10.0.0.1"}, []string{"PARLEY_GATEWAY_TRUSTED_PROXIES"}},
		"no time to drain":                                {map[string]string{"PARLEY_GATEWAY_DRAIN_TIMEOUT": "0s"}, []string{"PARLEY_GATEWAY_DRAIN_TIMEOUT"}},
		"the settings of a cluster": {change: map[string]string{
			"PARLEY_GATEWAY_ALLOWED_ORIGINS": "", "PARLEY_GATEWAY_TRUSTED_PROXIES": "",
			"PARLEY_RING_SERVICE": "acme-gateway-ring", "PARLEY_NAMESPACE": "chat", "PARLEY_POD_UID": "0b5e", "PARLEY_GATEWAY_DRAIN_SESSIONS_PER_SECOND": "300",
			"PARLEY_GATEWAY_DRAIN_INITIAL_DELAY": "10s", "PARLEY_GATEWAY_RECONNECT_JITTER": "20s", "PARLEY_GATEWAY_RECONNECT_DEADLINE": "1m",
		}},
		"a drain that moves nobody": {map[string]string{"PARLEY_GATEWAY_DRAIN_SESSIONS_PER_SECOND": "0"}, []string{"PARLEY_GATEWAY_DRAIN_SESSIONS_PER_SECOND"}},
		"no time to reconnect":      {map[string]string{"PARLEY_GATEWAY_RECONNECT_DEADLINE": "0s"}, []string{"PARLEY_GATEWAY_RECONNECT_DEADLINE"}},
		"a delay that is over":      {map[string]string{"PARLEY_GATEWAY_DRAIN_INITIAL_DELAY": "-1s"}, []string{"PARLEY_GATEWAY_DRAIN_INITIAL_DELAY"}},
		"no sessions":               {map[string]string{"PARLEY_GATEWAY_MAX_SESSIONS": "0"}, []string{"counts"}},
		"a rate of nothing":         {map[string]string{"PARLEY_GATEWAY_SENDS_PER_SECOND": "0"}, []string{"rates"}},
		"a pod without a name":      {map[string]string{"PARLEY_POD_NAME": strings.Repeat("x", 254)}, []string{"PARLEY_POD_NAME"}},
		"all problems at once": {
			map[string]string{"PARLEY_LOG_LEVEL": "loud", "PARLEY_UPSTREAM_MESSAGE_URL": "?"},
			[]string{"PARLEY_LOG_LEVEL", "PARLEY_UPSTREAM_MESSAGE_URL"},
		},
		"a number that is none": {map[string]string{"PARLEY_GATEWAY_SEAT": "one"}, []string{"Seat"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environ := maps.Clone(good)
			maps.Copy(environ, row.change)
			_, err := server.Load(environ)
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

func TestDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := server.Load(map[string]string{
		"PARLEY_UPSTREAM_USER_URL": "http://user", "PARLEY_UPSTREAM_FRIEND_URL": "http://friend",
		"PARLEY_UPSTREAM_FILE_URL": "http://file", "PARLEY_UPSTREAM_MESSAGE_URL": "http://message", "PARLEY_RABBITMQ_URL": "amqp://me:hush@mq/",
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.PublicListen != ":8080" || cfg.RPCListen != ":8081" || cfg.OpsListen != ":9090" || cfg.DrainTimeout != 2*time.Minute ||
		cfg.SendsPerSecond != 1 || cfg.SendsBurst != 60 || cfg.SessionsPerUser != 20 {
		t.Errorf("%+v", cfg)
	}
	if strings.Contains(cfg.AMQPURL.String(), "hush") {
		t.Error("the password can be printed")
	}
}
