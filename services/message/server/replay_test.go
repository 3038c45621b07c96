// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/message/messageindex"
	"github.com/parley-chat/parley/services/message/server"
	"github.com/parley-chat/parley/test/integration/servers"
)

// refusing is an index that takes nothing, ever.
type refusing struct{ told chan int }

func (x refusing) Put(_ context.Context, documents []searchindex.Document) error {
	refused := map[string]error{}
	for _, d := range documents {
		refused[d.ID] = errors.New("400")
	}
	x.told <- len(documents)
	return &searchindex.PutError{Refused: refused}
}

// ownBroker is a client of a RabbitMQ that no other test sees.
func ownBroker(t *testing.T) (events *amqpbroker.Broker, url secret.String) {
	t.Helper()
	if os.Getenv("PARLEY_TEST_AMQP_URL") == "" {
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
			t.Fatal("RabbitMQ is required; run: make test-go")
		}
		t.Skip("needs a RabbitMQ; run: make test-go")
	}
	node, err := servers.StartRabbitMQ(t.Context(), t.TempDir(), servers.RabbitMQOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Stop)
	url = secret.New(node.URL())
	if events, err = amqpbroker.Open(amqpbroker.Options{URL: url, Name: "test", Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = events.Close() })
	return events, url
}

// Events that an index refused lie in RabbitMQ, and the command for it writes their messages once they are taken.
func TestF37_ParkedEventsAreReplayed(t *testing.T) {
	l := openLibrary(t)
	bus, url := ownBroker(t)
	l.heal(t)
	const said = 3
	index := refusing{told: make(chan int, said)}
	x := indexer.New(indexer.Options{
		Subscriber: bus, Source: messageindex.Source{Store: l.store}, Index: index, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(),
	})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = x.Run(ctx) })
	defer running.Wait()
	defer stop()
	<-x.Hears()
	var names []string
	for i := range said {
		names = append(names, l.tell(t, bus, i))
	}
	for refused := 0; refused < said; {
		refused += <-index.told
	}
	written := map[string]bool{}
	for len(written) < said && t.Context().Err() == nil { // the indexer and the broker lay them aside in their own time
		cfg := indexserver.ReplaySettings{RebuildSettings: l.cfg, AMQPURL: url}
		if err := indexserver.Replay(t.Context(), cfg, server.Indexed, server.Source, func(p indexer.Parked) {
			if p.Err != nil {
				t.Errorf("%v stays parked: %v", p.Documents, p.Err)
			}
			for _, name := range p.Documents {
				written[name] = true
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	l.refresh(t)
	offered := l.offered(t)
	for _, name := range names {
		if !written[name] || !offered[name] {
			t.Errorf("%s: written %t, offered %t", name, written[name], offered[name])
		}
	}
}

func TestAReplayNeedsAllServers(t *testing.T) {
	t.Parallel()
	_, err := indexserver.LoadReplay(map[string]string{}, component.Message)
	for _, key := range []string{"PARLEY_MYSQL_DSN", "PARLEY_ELASTICSEARCH_URL", "PARLEY_RABBITMQ_URL"} {
		if !strings.Contains(fmt.Sprint(err), key) {
			t.Errorf("%v does not name %s", err, key)
		}
	}
	cfg, err := indexserver.LoadReplay(map[string]string{
		"PARLEY_MYSQL_DSN": "mysql://root@db/parley_message", "PARLEY_ELASTICSEARCH_URL": "http://search:9200", "PARLEY_RABBITMQ_URL": "amqp://mq/",
	}, component.Message)
	if err != nil || cfg.AMQPURL.IsZero() || cfg.Search.URL.IsZero() {
		t.Errorf("%+v, %v", cfg, err)
	}
}
