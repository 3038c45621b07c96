// SPDX-License-Identifier: Apache-2.0

package amqpbroker_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/services/internal/broker/brokertest"
	"github.com/parley-chat/parley/services/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serverURL(t *testing.T) string {
	t.Helper()
	if url := os.Getenv("PARLEY_TEST_AMQP_URL"); url != "" {
		return url
	}
	const text = "needs RabbitMQ in PARLEY_TEST_AMQP_URL: run `make test`, or `go run ./hack/withservers -- go test ./...`"
	if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
	return ""
}

func open(t *testing.T, url string) *amqpbroker.Broker {
	t.Helper()
	b, err := amqpbroker.Open(amqpbroker.Options{URL: secret.New(url), Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBroker(t *testing.T) {
	t.Parallel()
	url := serverURL(t)
	brokertest.Test(t, func(t *testing.T) broker.Broker { return open(t, url) }, brokertest.Features{})
}
