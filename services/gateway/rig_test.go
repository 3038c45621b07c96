// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/gatewaytest"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is some pods with fakes around them, in a synctest bubble.
type rig struct {
	t        *testing.T
	ctx      context.Context
	network  *gatewaytest.Network
	tokens   *gatewaytest.Tokens
	messages *gatewaytest.Messages
	people   *gatewaytest.People
	hubs     map[string]*gateway.Hub
	stop     func()
}

// inBubble runs a test with pods under fake time; all goroutines must end with it.
func inBubble(t *testing.T, change func(*gateway.Limits), test func(r *rig), pods ...string) {
	t.Helper()
	if len(pods) == 0 {
		pods = []string{"pod-a"}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := &rig{
			t: t, ctx: ctx, network: gatewaytest.NewNetwork(), tokens: gatewaytest.NewTokens(),
			messages: gatewaytest.NewMessages(), people: gatewaytest.NewPeople(), hubs: map[string]*gateway.Hub{},
		}
		limits := gateway.DefaultLimits()
		if change != nil {
			change(&limits)
		}
		done := make(chan error, len(pods))
		for _, pod := range pods {
			hub := gateway.New(gateway.Options{
				Pod: pod, Limits: limits, Tokens: r.tokens, Messages: r.messages, People: r.people, Homes: r.network, Courier: r.network,
				Codec: gatewaytest.Codec{}, Ring: r.network, Now: time.Now,
			})
			r.hubs[pod] = hub
			r.network.Join(pod, hub)
			go func() { done <- hub.Run(ctx) }()
		}
		stopped := false
		r.stop = func() {
			if stopped {
				return
			}
			stopped = true
			cancel()
			for range pods {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		}
		synctest.Wait()
		test(r)
		r.stop()
	})
}

// client is one connection of one instance.
type client struct {
	r        *rig
	hub      *gateway.Hub
	socket   *gatewaytest.Socket
	session  *gateway.Session
	ticket   *gateway.Ticket
	login    gateway.Login
	token    string
	instance ids.InstanceID
	frames   []gatewaytest.Frame
}

// connect opens a connection of a new person on the first pod, without auth.
func (r *rig) connect() *client { return r.connectTo("pod-a", newLogin()) }

func newLogin() gateway.Login {
	return gateway.Login{User: ids.NewUser(), Session: ids.NewLoginSession(), Device: ids.NewDevice()}
}

func (r *rig) connectTo(pod string, login gateway.Login) *client {
	r.t.Helper()
	hub := r.hubs[pod]
	ticket, err := hub.Admit("192.0.2.1")
	if err != nil {
		r.t.Fatalf("not admitted: %v", err)
	}
	c := &client{
		r: r, hub: hub, socket: &gatewaytest.Socket{}, ticket: ticket, login: login, instance: ids.NewInstance(),
		token: "token of " + login.Session.String(),
	}
	r.tokens.Issue(c.token, login)
	c.session = hub.Accept(c.socket, gateway.FormatProto, ticket)
	c.socket.OnPing(c.session.Alive)
	return c
}

// live opens a connection of a new person and authenticates it.
func (r *rig) live() *client { return r.liveOn("pod-a", newLogin()) }

func (r *rig) liveOn(pod string, login gateway.Login) *client {
	r.t.Helper()
	c := r.connectTo(pod, login)
	c.auth(1)
	c.want("Welcome")
	return c
}

func (c *client) send(id int64, kind any) {
	c.session.Receive(c.r.ctx, gatewaytest.Client(id, kind))
}

func (c *client) auth(id int64) {
	c.send(id, gateway.Auth{Token: c.token, Device: c.login.Device, Instance: c.instance, Protocol: 1})
}

// take answers all frames that have arrived.
func (c *client) take() []gatewaytest.Frame {
	synctest.Wait()
	frames := append(c.frames, c.socket.Take()...)
	c.frames = nil
	return frames
}

// want takes the next frame, which must have a kind.
func (c *client) want(kind string) gatewaytest.Frame {
	c.r.t.Helper()
	frames := c.take()
	if len(frames) == 0 {
		c.r.t.Fatalf("no frame, want %s; closed %s", kind, c.closing())
	}
	if frames[0].Kind != kind {
		c.r.t.Fatalf("frame %s %q, want %s", frames[0].Kind, frames[0].Body, kind)
	}
	c.frames = frames[1:]
	return frames[0]
}

// wantNothing fails if a frame has arrived.
func (c *client) wantNothing() {
	c.r.t.Helper()
	if frames := c.take(); len(frames) > 0 {
		c.r.t.Fatalf("got %s %q and %d more, want nothing", frames[0].Kind, frames[0].Body, len(frames)-1)
	}
}

// wantClose fails unless the connection was closed with a code.
func (c *client) wantClose(code gateway.CloseCode) {
	c.r.t.Helper()
	synctest.Wait()
	if got, _ := c.socket.Closed(); got != code {
		c.r.t.Fatalf("closed %s, want %d", c.closing(), code)
	}
}

func (c *client) wantOpen() {
	c.r.t.Helper()
	c.wantClose(0)
}

func (c *client) closing() string {
	code, reason := c.socket.Closed()
	return fmt.Sprintf("%d %s", code, reason)
}

// texts are the texts of the deliveries that have arrived; other frames fail the test.
func (c *client) texts() string {
	c.r.t.Helper()
	var list []string
	for _, f := range c.take() {
		if f.Kind != "string" {
			c.r.t.Fatalf("frame %s %q among deliveries", f.Kind, f.Body)
		}
		list = append(list, as[string](c.r.t, f))
	}
	return strings.Join(list, " ")
}

func as[T any](t *testing.T, f gatewaytest.Frame) T {
	t.Helper()
	body, err := gatewaytest.As[T](f)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// message is a delivery of a message to users.
func message(text string, conversation ids.ConversationID, seq int64, users ...ids.UserID) gateway.Delivery {
	return gateway.Delivery{
		Frame: gatewaytest.Raw(text), Class: gateway.ClassDurable, Users: users, Conversation: conversation, Seq: seq, MembersRev: 1,
	}
}

// pass lets time pass in the bubble.
func pass(d time.Duration) { <-time.After(d) }
