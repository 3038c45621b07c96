// SPDX-License-Identifier: Apache-2.0

package process_test

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/secret"
)

type config struct {
	Level string `env:"PARLEY_LOG_LEVEL" envDefault:"info"`
	Limit int    `env:"PARLEY_LIMIT"`
}

func (config) Validate() error { return nil }

func TestKeysAreLoadedFromAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := identity.WriteKeys(dir); err != nil {
		t.Fatal(err)
	}
	got, err := process.Parts{}.LoadWithPageKey(process.Settings{Component: component.User, KeysDir: dir, LogLevel: "info"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Keys.Self() != component.User || len(got.PageKey) == 0 || got.Logger == nil || got.Started == nil {
		t.Errorf("keys of %q, %d bytes of page key, logger %v: all must be made", got.Keys.Self(), len(got.PageKey), got.Logger)
	}
}

func TestGivenPartsWin(t *testing.T) {
	t.Parallel()
	started := false
	given := process.Parts{
		Keys: identity.GenerateKeys(component.Friend)[component.Friend], PageKey: []byte("given"),
		Logger: slog.New(slog.DiscardHandler), Started: func() { started = true },
	}
	got, err := given.LoadWithPageKey(process.Settings{Component: component.User, KeysDir: t.TempDir()})
	if err != nil {
		t.Fatalf("an empty folder of keys must not matter: %v", err)
	}
	got.Started()
	if got.Keys.Self() != component.Friend || string(got.PageKey) != "given" || got.Logger != given.Logger || !started {
		t.Error("a part that was given was replaced")
	}
}

func TestMissingKeysAreAnError(t *testing.T) {
	t.Parallel()
	if _, err := (process.Parts{}).Load(process.Settings{Component: component.User, KeysDir: t.TempDir()}); err == nil {
		t.Error("a folder without keys was accepted")
	}
}

func TestABusyAddressIsOneClearError(t *testing.T) {
	t.Parallel()
	busy := listen(t)
	rows := []struct {
		name, want string
		settings   process.Settings
	}{
		{"calls", "listen for calls: ", process.Settings{RPCListen: busy.Addr().String(), OpsListen: busy.Addr().String()}},
		{"probes", "listen for probes: ", process.Settings{RPCListen: "127.0.0.1:0", OpsListen: busy.Addr().String()}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := process.Parts{}.Listen(t.Context(), row.settings)
			if err == nil {
				t.Fatal("two listeners on one address")
			}
			if text := err.Error(); !strings.HasPrefix(text, row.want) || !strings.Contains(text, busy.Addr().String()) || strings.Contains(text, "\n") {
				t.Errorf("error %q, want one line that starts with %q and names the address", text, row.want)
			}
			if got.RPC != nil || got.Ops != nil {
				t.Error("a listener is left after the error")
			}
		})
	}
}

func TestListenersThatAreGivenAreKept(t *testing.T) {
	t.Parallel()
	rpc := listen(t)
	got, err := process.Parts{RPC: rpc}.Listen(t.Context(), process.Settings{RPCListen: "nowhere:-1"})
	if err != nil {
		t.Fatal(err)
	}
	if got.RPC != rpc || got.Ops != nil {
		t.Errorf("rpc %v, ops %v: want the given one, and none without an address", got.RPC, got.Ops)
	}
}

func TestOnlyABrokerOpenedHereIsClosed(t *testing.T) {
	t.Parallel()
	given := membroker.New()
	t.Cleanup(func() { _ = given.Close() })
	got, closed, err := process.Parts{Broker: given}.OpenBroker(process.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if err := closed(); err != nil || got.Broker != given || !given.Connected() {
		t.Errorf("the given broker must stay open: close says %v, connected %v", err, given.Connected())
	}

	own, closed, err := process.Parts{}.OpenBroker(process.Settings{
		Component: component.User, AMQPURL: secret.New("amqp://guest:guest@127.0.0.1:1/"),
	})
	if err != nil || own.Broker == nil {
		t.Fatalf("a broker that is down must not fail a start: %v", err)
	}
	if err := closed(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestABrokerMustBeNamed(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "nonsense"} {
		_, closed, err := process.Parts{}.OpenBroker(process.Settings{Component: component.User, AMQPURL: secret.New(url)})
		if err == nil || closed() != nil {
			t.Errorf("url %q: error %v, want one, and nothing to close", url, err)
		}
	}
}

func TestAConfigurationIsReadFromTheEnvironment(t *testing.T) {
	t.Parallel()
	got, err := process.LoadConfig[config](map[string]string{"PARLEY_LIMIT": "7"})
	if err != nil || got != (config{Level: "info", Limit: 7}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := process.LoadConfig[config](map[string]string{"PARLEY_LIMIT": "many"}); err == nil || got != (config{}) {
		t.Errorf("a number that is none: got %+v, %v", got, err)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := process.Listen(t.Context(), nil, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}
