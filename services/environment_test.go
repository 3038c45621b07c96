// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	fileserver "github.com/parley-chat/parley/services/file/server"
	friendserver "github.com/parley-chat/parley/services/friend/server"
	gatewayserver "github.com/parley-chat/parley/services/gateway/server"
	messageserver "github.com/parley-chat/parley/services/message/server"
	speechserver "github.com/parley-chat/parley/services/speech/server"
	transmitserver "github.com/parley-chat/parley/services/transmit/server"
	userserver "github.com/parley-chat/parley/services/user/server"
)

// entries are those of a pod's volume, as the Secrets of people hold them.
func entries() map[string]string {
	return map[string]string{
		"mysql/type": "mysql", "mysql/host": "db.stores\n", "mysql/username": "app", "mysql/password": "a:/@b\n",
		"mysql/message-username": "writer", "mysql/message-password": "w",
		"mysql/migration-username": "ddl", "mysql/migration-password": "d",
		"objectstore/uri": "https://s3.stores:9000", "objectstore/access-key-id": "id", "objectstore/secret-access-key": "s3\n",
		"speech/type": "speech", "speech/api-key": "key\n",
		"rabbitmq/type": "rabbitmq", "rabbitmq/host": "mq.stores", "rabbitmq/username": "app", "rabbitmq/password": "c%d",
	}
}

// podEnvironment is what a pod of a ChatCluster sees, for one component.
func podEnvironment(t *testing.T, name component.Name) map[string]string {
	t.Helper()
	root := t.TempDir()
	for _, dependency := range []component.Dependency{component.MySQL, component.RabbitMQ, component.ObjectStore, component.SpeechProvider} {
		if err := os.Mkdir(filepath.Join(root, string(dependency)), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, entry := range component.Entries(dependency, name) {
			place := filepath.Join(string(dependency), entry)
			text, known := entries()[place]
			if !known {
				continue
			}
			if err := os.WriteFile(filepath.Join(root, place), []byte(text), 0o400); err != nil {
				t.Fatal(err)
			}
		}
	}
	environ := map[string]string{
		"PARLEY_LOG_LEVEL": "info", "PARLEY_POD_NAME": "acme-" + string(name) + "-0", "PARLEY_POD_UID": "0b5e",
		"PARLEY_NAMESPACE": "chat", "PARLEY_KEYS_DIR": "/etc/parley/keys", "SERVICE_BINDING_ROOT": root,
		"PARLEY_MYSQL_TLS": "Disabled", "PARLEY_MYSQL_DATABASE": "parley_" + string(name), "PARLEY_MYSQL_MAX_OPEN_CONNS": "12",
		"PARLEY_RABBITMQ_TLS": "Disabled", "PARLEY_RABBITMQ_VHOST": "/",
	}
	for _, callee := range component.Upstreams(name) {
		if key := component.EnvUpstream(callee); key != "" {
			environ[key] = "http://acme-" + string(callee) + ":8081"
		}
	}
	if component.WatchesRing(name) {
		environ["PARLEY_RING_SERVICE"] = "acme-gateway-ring"
	}
	maps.Copy(environ, map[component.Name]map[string]string{
		component.Message: {"PARLEY_CLUSTER_UID": first, "PARLEY_TRANSCRIPTS": "true"},
		component.Speech: {
			"PARLEY_SPEECH_PROVIDER": "OpenAI", "PARLEY_SPEECH_URL": "http://whisper:8000", "PARLEY_SPEECH_MODEL": "whisper-1",
			"PARLEY_SPEECH_MAX_DURATION": "2m",
		},
		component.File: {
			"PARLEY_FILES_ORIGIN": "https://files.example.com", "PARLEY_FILE_MAX_BYTES": "209715200", "PARLEY_FILE_MAX_IMAGE_BYTES": "10485760",
			"PARLEY_FILE_DAILY_BYTES": "1073741824", "PARLEY_S3_TLS": "VerifyFull", "PARLEY_S3_BUCKET": "acme", "PARLEY_S3_REGION": "eu-1",
			"PARLEY_S3_PATH_STYLE": "true", "PARLEY_S3_PUBLIC_ENDPOINT": "https://s3.example.com",
		},
		component.Gateway: {
			"PARLEY_OBJECT_STORE_ORIGIN": "https://s3.example.com", "PARLEY_GATEWAY_SEAT": "0", "PARLEY_GATEWAY_SEAT_ROUTES": "false", "PARLEY_GATEWAY_MAX_SESSIONS": "20000",
			"PARLEY_GATEWAY_ALLOWED_ORIGINS": "https://chat.example.com", "PARLEY_GATEWAY_TRUSTED_PROXIES": "",
			"PARLEY_GATEWAY_DRAIN_SESSIONS_PER_SECOND": "200", "PARLEY_GATEWAY_DRAIN_TIMEOUT": "15m",
			"PARLEY_GATEWAY_DRAIN_INITIAL_DELAY": "5s", "PARLEY_GATEWAY_RECONNECT_JITTER": "3s", "PARLEY_GATEWAY_RECONNECT_DEADLINE": "10s",
		},
	}[name])
	return environ
}

func TestEachServiceLoadsTheEnvironmentOfAPod(t *testing.T) {
	t.Parallel()
	const queue = "amqp://app:c%25d@mq.stores:5672/%2F"
	for name, row := range map[component.Name]struct {
		load func(environ map[string]string) ([]string, error)
		want []string
	}{
		component.User: {func(environ map[string]string) ([]string, error) {
			cfg, err := userserver.Load(environ)
			return []string{cfg.MySQLDSN.Reveal(), cfg.AMQPURL.Reveal(), cfg.Namespace}, err
		}, []string{"mysql://app:a%3A%2F%40b@db.stores:3306/parley_user", queue, "chat"}},
		component.Friend: {func(environ map[string]string) ([]string, error) {
			cfg, err := friendserver.Load(environ)
			return []string{cfg.MySQLDSN.Reveal(), cfg.AMQPURL.Reveal(), cfg.Namespace, cfg.UserURL, cfg.MessageURL}, err
		}, []string{"mysql://app:a%3A%2F%40b@db.stores:3306/parley_friend", queue, "chat", "http://acme-user:8081", "http://acme-message:8081"}},
		component.Message: {func(environ map[string]string) ([]string, error) {
			cfg, err := messageserver.Load(environ)
			return []string{cfg.MySQLDSN.Reveal(), cfg.AMQPURL.Reveal(), cfg.Namespace, cfg.ClusterUID}, err
		}, []string{"mysql://writer:w@db.stores:3306/parley_message", queue, "chat", first}},
		component.Transmit: {func(environ map[string]string) ([]string, error) {
			cfg, err := transmitserver.Load(environ)
			return []string{cfg.AMQPURL.Reveal(), cfg.Namespace, cfg.FriendURL}, err
		}, []string{queue, "chat", "http://acme-friend:8081"}},
		component.File: {func(environ map[string]string) ([]string, error) {
			cfg, err := fileserver.Load(environ)
			return []string{
				cfg.MySQLDSN.Reveal(), cfg.Namespace, cfg.Origin, fmt.Sprint(cfg.MaxBytes, cfg.MaxImageBytes, cfg.DailyBytes),
				cfg.S3.Endpoint, cfg.S3.Bucket, cfg.S3.Region, cfg.S3.AccessKeyID, cfg.S3.SecretAccessKey.Reveal(), fmt.Sprint(cfg.S3.PathStyle), string(cfg.S3.TLS), cfg.S3.PublicEndpoint,
			}, err
		}, []string{
			"mysql://app:a%3A%2F%40b@db.stores:3306/parley_file", "chat", "https://files.example.com", "209715200 10485760 1073741824",
			"https://s3.stores:9000", "acme", "eu-1", "id", "s3", "true", "VerifyFull", "https://s3.example.com",
		}},
		component.Speech: {func(environ map[string]string) ([]string, error) {
			cfg, err := speechserver.Load(environ)
			return []string{cfg.AMQPURL.Reveal(), cfg.Namespace, cfg.MessageURL, cfg.FileURL, cfg.Provider, cfg.URL, cfg.Model, cfg.APIKey.Reveal(), cfg.MaxDuration.String()}, err
		}, []string{queue, "chat", "http://acme-message:8081", "http://acme-file:8081", "OpenAI", "http://whisper:8000", "whisper-1", "key", "2m0s"}},
		component.Gateway: {func(environ map[string]string) ([]string, error) {
			cfg, err := gatewayserver.Load(environ)
			return []string{cfg.AMQPURL.Reveal(), cfg.Namespace, cfg.ObjectStoreOrigin}, err
		}, []string{queue, "chat", "https://s3.example.com"}},
	} {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			got, err := row.load(podEnvironment(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
