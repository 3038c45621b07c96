// SPDX-License-Identifier: Apache-2.0

// Package server wires a gateway from its configuration.
//
// Run serves until its context ends, then drains: sessions are asked to move, or told when to come back.
// It never fails because the broker, the ring or another component is away. Until the ring is known it is
// not ready: sessions would find no home.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/api/gen/parley/gateway/v1/gatewayv1connect"
	"github.com/parley-chat/parley/api/gen/parley/user/v1/userv1connect"
	"github.com/parley-chat/parley/api/openapi"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/gateway/connectapi"
	"github.com/parley-chat/parley/services/gateway/deliver"
	"github.com/parley-chat/parley/services/gateway/proxy"
	"github.com/parley-chat/parley/services/gateway/token"
	"github.com/parley-chat/parley/services/gateway/upstream"
	"github.com/parley-chat/parley/services/gateway/web"
	"github.com/parley-chat/parley/services/gateway/websocket"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/rpcserver"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

// startWait is how long a start waits for the user service; chosen: three of its questions.
const startWait = 3 * time.Second

// ringWait is how long the first view of the ring may take before the log says so; chosen.
const ringWait = 10 * time.Second

// stopMargin is what stopping takes beside the drain: last frames, running calls, the broker.
const stopMargin = 15 * time.Second

// Run serves clients until ctx ends; it then stops within Config.DrainTimeout and 15 s.
func Run(ctx context.Context, cfg Config, given Parts) error {
	parts, closed, err := given.complete(ctx, cfg)
	if err != nil {
		return err
	}
	g, err := build(cfg, parts)
	if err != nil {
		return errors.Join(err, closed(), parts.closeListeners())
	}
	group := lifecycle.New(parts.Logger)
	group.StopWithin(cfg.DrainTimeout + stopMargin)
	group.OnStop("broker", func(context.Context) error { return closed() })
	process.ServeOps(group, g.ops, parts.Ops)
	watched, _ := parts.Ring.(ring.Watched)
	if watched != nil {
		group.Go("ring", watched.Run)
	}
	// Stopped in reverse: first sessions move away, then no new calls and envelopes, then what they need.
	group.Go("courier", g.courier.Run)
	group.Go("messages", g.messages.Run)
	group.Go("tokens", g.tokens.Run)
	group.Go("sessions", func(ctx context.Context) error {
		err := g.hub.Run(ctx)
		g.sockets.Wait()
		return err
	})
	group.Go("rpc", func(ctx context.Context) error { return g.rpc.Serve(ctx, parts.RPC) })
	group.Go("endings", g.endings.Run)
	group.Go("consumer", g.consumer.Run)
	group.Go("public", func(ctx context.Context) error { return servePublic(ctx, g.public, parts) })
	group.Go("drain", func(ctx context.Context) error { return g.serve(ctx, cfg, parts, watched) })
	return group.Run(ctx)
}

// serve is ready once the ring is known, and drains when ctx ends. While a drain may still hand over, the
// pod stays ready, so that its seat stays in the ring.
func (g gatewayParts) serve(ctx context.Context, cfg Config, parts Parts, watched ring.Watched) error {
	awaitFresh(ctx, g.tokens)
	if watched != nil && !awaitRing(ctx, watched, parts.Logger) {
		return nil
	}
	g.ops.Ready(true)
	parts.Logger.InfoContext(ctx, "gateway serves", "address", parts.Public.Addr().String())
	parts.Started()
	<-ctx.Done()
	leave := func() { g.ops.Ready(false) }
	defer leave()
	if watched == nil {
		leave()
	}
	g.hub.Drain(context.WithoutCancel(ctx), cfg.drainPlan(watched == nil, leave))
	return nil
}

// awaitRing waits until the ring is known; false if ctx ends before.
func awaitRing(ctx context.Context, watched ring.Watched, logger *slog.Logger) bool {
	return ring.AwaitKnown(ctx, watched, ringWait, func() {
		logger.WarnContext(ctx, "the ring is not known yet, the pod stays unready")
	})
}

// awaitFresh gives the user service a moment to tell which login sessions have ended: before, everybody
// would be sent away. A gateway without it serves all the same.
func awaitFresh(ctx context.Context, tokens gateway.Tokens) {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	look := time.NewTicker(startWait / 100)
	defer look.Stop()
	for !tokens.Fresh() {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// gatewayParts are the running parts.
type gatewayParts struct {
	ops      *telemetry.Ops
	tokens   *token.Verifier
	messages *upstream.Messages
	courier  *deliver.Courier
	hub      *gateway.Hub
	sockets  *websocket.Handler
	consumer *deliver.Consumer
	endings  *token.Listener
	rpc      *rpcserver.Server
	public   *http.Server
}

func build(cfg Config, parts Parts) (g gatewayParts, err error) {
	registry := telemetry.NewRegistry()
	g.ops = telemetry.NewOps(registry)
	client := func(audience component.Name, url string) *rpcclient.Client {
		return rpcclient.New(rpcclient.Options{
			Self: component.Gateway, Audience: audience, BaseURL: url, Keys: parts.Keys, Transport: parts.Transport,
		})
	}
	users := client(component.User, cfg.UserURL)
	g.tokens, err = token.New(token.Options{
		Auth:  userv1connect.NewAuthServiceClient(users.HTTPClient(), users.BaseURL(), users.Options()...),
		Ended: func(id ids.LoginSessionID, reason gateway.EndReason) { g.hub.EndLogin(id, reason) },
		Now:   time.Now, Logger: parts.Logger, Registerer: registry,
	})
	if err != nil {
		return g, err
	}
	messages := client(component.Message, cfg.MessageURL)
	g.messages = upstream.NewMessages(messages)
	g.courier = deliver.NewCourier(parts.Broker, parts.Logger)
	limits, seats := cfg.limits(), upstream.NewRing(parts.Ring)
	g.hub = gateway.New(gateway.Options{
		Pod: cfg.PodName, Limits: limits, Tokens: g.tokens, Messages: g.messages,
		People: upstream.NewPeople(client(component.Friend, cfg.FriendURL), messages, users),
		Homes:  upstream.NewHomes(parts.Keys, parts.Transport, time.Now), Courier: g.courier, Codec: websocket.NewCodec(),
		Ring: seats, Now: time.Now, Logger: parts.Logger,
	})
	registry.MustRegister(newCollector(g.hub))
	process.Identify(g.ops, component.Gateway, parts.Version, parts.Broker)
	g.ops.SetGateway(func() *component.GatewayStatus { return statusOf(g.hub, cfg.Seat) })
	g.sockets = websocket.New(websocket.Options{
		Hub: g.hub, Origins: cfg.AllowedOrigins, FrameBytes: limits.FrameBytes, Now: time.Now, Logger: parts.Logger,
	})
	g.consumer = deliver.NewConsumer(deliver.ConsumerOptions{
		Pod: cfg.PodName, Subscriber: parts.Broker, Receiver: g.hub, Now: time.Now, Logger: parts.Logger,
	})
	g.endings = &token.Listener{Pod: cfg.PodName, Subscriber: parts.Broker, Verifier: g.tokens, Logger: parts.Logger}
	g.rpc = rpcserver.New(rpcserver.Options{
		Component: component.Gateway, Keys: parts.Keys, Logger: parts.Logger, Registerer: registry,
	})
	session := connectapi.Session{}
	if cfg.SeatRoutes {
		session.Ring = seats
	}
	g.rpc.Mount(gatewayv1connect.NewHomeServiceHandler(connectapi.NewHome(g.hub), g.rpc.HandlerOptions()...))
	g.rpc.Mount(gatewayv1connect.NewSessionServiceHandler(session, g.rpc.HandlerOptions()...))
	g.public, err = g.publicServer(cfg, parts, registry)
	return g, err
}

// publicServer serves RPC, WebSocket and the web client on one listen port.
func (g gatewayParts) publicServer(cfg Config, parts Parts, registry prometheus.Registerer) (*http.Server, error) {
	proxies, err := cfg.proxies()
	if err != nil {
		return nil, err
	}
	handler, err := proxy.New(proxy.Options{
		Upstreams: map[component.Name]string{
			component.User: cfg.UserURL, component.Friend: cfg.FriendURL, component.File: cfg.FileURL, component.Message: cfg.MessageURL,
			component.Speech: cfg.SpeechURL,
		},
		Transport: parts.Transport, Keys: parts.Keys, Tokens: g.tokens, Roles: g.tokens, Session: g.rpc.Handler(), Socket: g.sockets,
		Web: web.FS(), Docs: openapi.FS(), Policy: policyOf(cfg), Origins: cfg.AllowedOrigins,
		FilesOrigin: cfg.FilesOrigin, PageOrigins: cfg.PageOrigins, TrustedProxies: proxies,
		Limits: cfg.calls(), Now: time.Now, Logger: parts.Logger, Registerer: registry,
	})
	if err != nil {
		return nil, err
	}
	return proxy.NewServer(handler, parts.Logger), nil
}
