// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"net/http"
	"os"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/test/integration/cluster"
	"github.com/parley-chat/parley/test/integration/people"
	"github.com/parley-chat/parley/test/integration/servers"
)

// requireServers skips a test that starts servers of its own where the test run offers none.
func requireServers(t testing.TB) {
	t.Helper()
	if os.Getenv("PARLEY_TEST_MYSQL_DSN") != "" && os.Getenv("PARLEY_TEST_AMQP_URL") != "" {
		return
	}
	if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
		t.Fatal("MariaDB and RabbitMQ are required; run: make test-go")
	}
	t.Skip("needs MariaDB and RabbitMQ; run: make test-go")
}

// outage is a cluster with servers of its own, which the test may break.
type outage struct {
	*cluster.Cluster
	mysql *servers.MariaDB
	amqp  *servers.RabbitMQ
}

func startOutage(t *testing.T, environment map[string]string) *outage {
	t.Helper()
	requireServers(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	mysql, err := servers.StartMariaDB(ctx, t.TempDir(), servers.MariaDBOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mysql.Stop)
	amqp, err := servers.StartRabbitMQ(ctx, t.TempDir(), servers.RabbitMQOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(amqp.Stop)
	binary, err := cluster.Binary(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Start(ctx, cluster.Options{Binary: binary, Dir: t.TempDir(), MySQL: mysql.DSN(), AMQP: amqp.URL(), Environment: environment})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			_ = c.Logs(t.Output(), 4096)
		}
		c.Stop(context.WithoutCancel(t.Context()))
	})
	return &outage{c, mysql, amqp}
}

// until repeats a call until its answer is the wanted one; the test's own deadline ends it.
func until(t *testing.T, want string, call func() people.Answer) people.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		got := call()
		if got.String() == want {
			return got
		}
		select {
		case <-ctx.Done():
			t.Fatalf("never became %q; last answer %s: %.300s", want, got, got.Body)
		case <-tick.C:
		}
	}
}

const send, list = "parley.message.v1.MessageService/Send", "parley.message.v1.MessageService/ListMessages"

func TestServersThatAreDownAtStartAndLater(t *testing.T) {
	o := startOutage(t, nil)
	base := o.GatewayURL(0)
	a, b := people.Register(t, base, "anna"), people.Register(t, base, "bo")
	conversation := people.Befriend(t, a, b)
	first := people.Text(conversation, "before the outage")
	a.Do(t, send, first, &messagev1.SendResponse{})

	t.Run("sends go on without RabbitMQ", func(t *testing.T) {
		o.amqp.Kill()
		for range 5 {
			if got := a.Try(t, send, people.Text(conversation, "no broker")); got.Status != http.StatusOK {
				t.Errorf("send without a broker: %s: %s", got, got.Body)
			}
		}
	})
	t.Run("all stay up and answer unavailable without MySQL", func(t *testing.T) {
		o.mysql.Kill()
		pending := people.Text(conversation, "during the outage")
		until(t, "unavailable UNAVAILABLE", func() people.Answer { return a.Try(t, send, pending) })
		until(t, "unavailable UNAVAILABLE", func() people.Answer {
			return people.Call(t, base, "parley.user.v1.UserService/GetMe", []byte(`{}`), people.Bearer(a.Token)...)
		})
		o.allReady(t)
	})
	t.Run("processes that start without any server come up", func(t *testing.T) {
		for _, name := range o.Names() {
			if err := o.Kill(name); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range o.Names() {
			if err := o.Start(t.Context(), name, nil); err != nil {
				t.Fatalf("%s does not start without MySQL and RabbitMQ: %v", name, err)
			}
		}
		until(t, "unavailable UNAVAILABLE", func() people.Answer {
			return a.Try(t, list, &messagev1.ListMessagesRequest{ConversationId: conversation})
		})
		o.allReady(t)
	})
	t.Run("they recover by themselves when the servers are back", func(t *testing.T) {
		if err := o.mysql.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := o.amqp.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		until(t, "ok", func() people.Answer { return a.Try(t, send, people.Text(conversation, "after the outage")) })
		// A retry of the first message still gets its first place.
		answer := until(t, "ok", func() people.Answer { return a.Try(t, send, first) })
		var out messagev1.SendResponse
		if err := protojson.Unmarshal(answer.Body, &out); err != nil || out.GetSent().GetSeq() != 1 {
			t.Errorf("the retry got %s", answer.Body)
		}
	})
	t.Run("a wiped broker is declared again", func(t *testing.T) {
		if err := o.amqp.Wipe(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := a.Try(t, send, people.Text(conversation, "after the wipe")); got.Status != http.StatusOK {
			t.Errorf("send after the wipe: %s: %s", got, got.Body)
		}
		o.allReady(t)
	})
}

func (o *outage) allReady(t *testing.T) {
	t.Helper()
	for _, name := range o.Names() {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.OpsURL(name)+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatalf("%s is gone: %v", name, err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s is not ready: %d", name, response.StatusCode)
		}
	}
}
