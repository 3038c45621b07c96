// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/client"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/test/integration/people"
)

// suspended is the close code of a socket whose account was suspended.
const suspended = 4303

// TestSuspensionClosesTheSocketsOfBothGateways: the platform's link makes the first owner, who suspends
// somebody with the command line. The sockets of that person end at both gateways with the code that says
// why, no login succeeds, and lifting it brings all back.
func TestSuspensionClosesTheSocketsOfBothGateways(t *testing.T) {
	c := install(t, "e2e-moderation")
	gateways, err := c.seatURLs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	boss, troll := people.Register(t, gateways[0], "boss"), people.Register(t, gateways[1], "troll")
	text, err := c.parley(t.Context(), "admin", "create", chatName, "--server", gateways[0])
	if err != nil {
		t.Fatal(err)
	}
	_, token, found := strings.Cut(strings.TrimSpace(text), "/#/administrator/")
	if !found {
		t.Fatalf("no link in %q", text)
	}
	c.moderate(t, gateways[0], boss.Token, "claim", strings.Fields(gateways[0] + "/#/administrator/" + token)[0])

	var ends []<-chan error
	for _, gateway := range gateways {
		ends = append(ends, stayConnected(t, gateway, troll))
	}
	start := time.Now()
	c.moderate(t, gateways[0], boss.Token, "users", "ban", troll.Username, "--reason", "spam")
	for i, end := range ends {
		stop, ok := errors.AsType[*client.StopError](<-end)
		if !ok || stop.Code != suspended {
			t.Errorf("gateway %d ended the socket with %v, want the code %d", i, stop, suspended)
		}
		t.Logf("gateway %d closed the socket %s after the command began", i, time.Since(start).Round(time.Millisecond))
	}
	login := func() people.Answer {
		return people.Call(t, gateways[1], "parley.user.v1.AuthService/Login", people.JSON(&userv1.LoginRequest{
			Username: troll.Username, Password: troll.Password, Device: &userv1.Device{DeviceId: troll.Device, Name: "test"},
		}))
	}
	if got := login(); got.Status == http.StatusOK {
		t.Error("a suspended person signed in")
	}
	for i, gateway := range gateways {
		got := people.Call(t, gateway, "parley.user.v1.UserService/GetMe", []byte(`{}`), people.Bearer(troll.Token)...)
		if got.Status == http.StatusOK {
			t.Errorf("gateway %d answers a suspended person", i)
		}
	}
	c.moderate(t, gateways[1], boss.Token, "users", "unban", troll.Username, "--reason", "it was somebody else")
	if got := login(); got.Status != http.StatusOK {
		t.Errorf("after the suspension was lifted, login answers %s", got)
	}
	log := c.moderate(t, gateways[0], boss.Token, "audit", "--target", troll.Username)
	for _, words := range []string{"spam", "it was somebody else", boss.ID} {
		if !strings.Contains(log, words) {
			t.Errorf("the audit log does not say %q:\n%s", words, log)
		}
	}
}

// moderate runs parley admin as somebody.
func (c *chat) moderate(t *testing.T, server, token string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args = append([]string{"admin"}, append(args, "--server", server, "--token-stdin")...)
	command := exec.CommandContext(ctx, filepath.Join(c.root, "bin", "parley"), args...)
	command.Stdin = strings.NewReader(token)
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		t.Fatalf("parley %s: %v: %s", strings.Join(args, " "), err, said.String())
	}
	return string(out)
}

// stayConnected connects a person to one gateway, waits until everything is there, and tells how it ended.
func stayConnected(t *testing.T, gateway string, p *people.Person) <-chan error {
	t.Helper()
	live, ended := make(chan struct{}, 1), make(chan error, 1)
	c, err := client.New(client.Config{
		BaseURLs: []string{gateway}, Token: p.Token, Device: p.Device,
		Events: func(event client.Event) {
			if state, ok := event.(client.StateChanged); ok && state.State == client.Live {
				select {
				case live <- struct{}{}:
				default:
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	t.Cleanup(func() {
		stop()
		c.Close()
	})
	go func() { ended <- c.Run(ctx) }()
	select {
	case <-live:
	case err := <-ended:
		t.Fatalf("%s: %v", gateway, err)
	}
	return ended
}
