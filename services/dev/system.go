// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/api/component"
	fileserver "github.com/parley-chat/parley/services/file/server"
	friendserver "github.com/parley-chat/parley/services/friend/server"
	gatewayserver "github.com/parley-chat/parley/services/gateway/server"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/internal/telemetry"
	messageserver "github.com/parley-chat/parley/services/message/server"
	transmitserver "github.com/parley-chat/parley/services/transmit/server"
	userserver "github.com/parley-chat/parley/services/user/server"
)

// drainTimeout of a gateway whose ring did not empty first; chosen, a person waits.
const drainTimeout = 5 * time.Second

// system holds what the services share.
type system struct {
	plan      plan
	folder    *folder
	keyring   keyring
	environ   map[string]string
	doors     *doors
	network   *network
	transport *http.Transport
	bus       *membroker.Broker
	ring      *ring.StaticSource
	handler   slog.Handler
	started   chan struct{}
	count     int // of services that will say that they have started
	// storeOrigin is where pages reach the object store; empty: nowhere.
	storeOrigin string
}

func newSystem(plan plan, folder *folder, keys keyring, doors *doors, o Options) *system {
	level, err := telemetry.ParseLevel(plan.logLevel)
	if err != nil {
		level = slog.LevelInfo
	}
	n := newNetwork()
	return &system{
		plan: plan, folder: folder, keyring: keys, environ: o.Environ, doors: doors, network: n, transport: n.transport(), bus: membroker.New(),
		ring:    ring.Static(members(plan.gateways)...),
		handler: slog.NewJSONHandler(o.Log, &slog.HandlerOptions{Level: level}),
		started: make(chan struct{}, len(component.All())+plan.gateways),
	}
}

// members are all gateways, by the names that they have inside the process.
func members(gateways int) []ring.Member {
	list := make([]ring.Member, 0, gateways)
	for k := range gateways {
		pod := podName(k)
		list = append(list, ring.Member{
			Seat: uint32(k), Pod: pod, UID: pod, URL: urlFor(pod), Ready: true, Serving: true,
		})
	}
	return list
}

func podName(seat int) string { return string(component.Gateway) + "-" + strconv.Itoa(seat) }

// register adds the services to the group, in the order in which they start; they stop the other way
// round.
func (s *system) register(group *lifecycle.Group) error {
	group.OnStop("bus", func(context.Context) error { return s.bus.Close() })
	group.OnStop("connections", func(context.Context) error { s.transport.CloseIdleConnections(); return nil })
	for _, register := range []func(*lifecycle.Group) error{s.user, s.friend, s.file, s.message, s.transmit, s.speech, s.gateways} {
		if err := register(group); err != nil {
			return err
		}
	}
	// Comes first at the stop: no gateway is left to take sessions, so none waits to hand its own over.
	group.OnStop("ring", func(context.Context) error { s.ring.Set(); return nil })
	return nil
}

// add registers one service that will say that it has started.
func (s *system) add(group *lifecycle.Group, name string, run func(ctx context.Context) error) {
	s.count++
	group.Go(name, run)
}

func (s *system) up() { s.started <- struct{}{} }

// environment of a service: what differs from its defaults.
func (s *system) environment(name component.Name, more map[string]string) map[string]string {
	environ := map[string]string{
		component.EnvLogLevel:           s.plan.logLevel,
		component.EnvMySQLDSN:           s.folder.dsn(name),
		component.EnvUpstreamUserURL:    urlFor(string(component.User)),
		component.EnvUpstreamFriendURL:  urlFor(string(component.Friend)),
		component.EnvUpstreamFileURL:    urlFor(string(component.File)),
		component.EnvUpstreamMessageURL: urlFor(string(component.Message)),
		component.EnvUpstreamSpeechURL:  urlFor(string(component.Speech)),
		component.EnvTranscripts:        strconv.FormatBool(s.plan.hasSpeech()),
	}
	maps.Copy(environ, more)
	return environ
}

func (s *system) user(group *lifecycle.Group) error {
	cfg, err := userserver.Load(s.environment(component.User, nil))
	if err != nil {
		return fmt.Errorf("user: %w", err)
	}
	cfg.RPCListen, cfg.OpsListen = "", ""
	cfg.AddressLogins = -1 // everybody comes from this machine
	cfg.Development, cfg.SMS.Provider = true, userserver.ProviderLog
	cfg.Search.Folder = s.folder.index(component.User)
	s.add(group, "user", func(ctx context.Context) error {
		return userserver.Run(ctx, cfg, userserver.Parts{
			RPC: s.network.listen("user"), Broker: s.bus, Transport: s.transport,
			Keys: s.keyring.keys[component.User], PageKey: s.keyring.pageKey, Logger: s.logger("user"), Started: s.up,
		})
	})
	return nil
}

func (s *system) friend(group *lifecycle.Group) error {
	cfg, err := friendserver.Load(s.environment(component.Friend, nil))
	if err != nil {
		return fmt.Errorf("friend: %w", err)
	}
	cfg.RPCListen, cfg.OpsListen = "", ""
	s.add(group, "friend", func(ctx context.Context) error {
		return friendserver.Run(ctx, cfg, friendserver.Parts{
			RPC: s.network.listen("friend"), Broker: s.bus, Transport: s.transport,
			Keys: s.keyring.keys[component.Friend], PageKey: s.keyring.pageKey, Logger: s.logger("friend"), Started: s.up,
		})
	})
	return nil
}

func (s *system) file(group *lifecycle.Group) error {
	cfg, err := fileserver.Load(s.environment(component.File, s.fileSettings()))
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	s.storeOrigin = objectStoreOrigin(cfg.S3)
	linkKeys, err := identity.LoadFileLinkKeys(s.folder.keysPath())
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	cfg.RPCListen, cfg.OpsListen = "", ""
	s.add(group, "file", func(ctx context.Context) error {
		return fileserver.Run(ctx, cfg, fileserver.Parts{LinkKeys: linkKeys, Parts: process.Parts{
			RPC: s.network.listen("file"), Transport: s.transport,
			Keys: s.keyring.keys[component.File], Logger: s.logger("file"), Started: s.up,
		}})
	})
	return nil
}

func (s *system) message(group *lifecycle.Group) error {
	cfg, err := messageserver.Load(s.environment(component.Message, nil))
	if err != nil {
		return fmt.Errorf("message: %w", err)
	}
	cfg.RPCListen, cfg.OpsListen = "", ""
	cfg.Search.Folder = s.folder.index(component.Message)
	s.add(group, "message", func(ctx context.Context) error {
		return messageserver.Run(ctx, cfg, messageserver.Parts{
			RPC: s.network.listen("message"), Broker: s.bus, Transport: s.transport,
			Keys: s.keyring.keys[component.Message], PageKey: s.keyring.pageKey, Logger: s.logger("message"), Started: s.up,
		})
	})
	return nil
}

func (s *system) transmit(group *lifecycle.Group) error {
	cfg, err := transmitserver.Load(s.environment(component.Transmit, nil))
	if err != nil {
		return fmt.Errorf("transmit: %w", err)
	}
	cfg.OpsListen = ""
	s.add(group, "transmit", func(ctx context.Context) error {
		return transmitserver.Run(ctx, cfg, transmitserver.Parts{Ring: s.ring, Parts: process.Parts{
			Broker: s.bus, Transport: s.transport,
			Keys: s.keyring.keys[component.Transmit], Logger: s.logger("transmit"), Started: s.up,
		}})
	})
	return nil
}

// gatewaySettings are the limits that a load test has raised, and what only the manifest and the seat say.
func (s *system) gatewaySettings(seat int) map[string]string {
	settings := map[string]string{}
	for key, value := range s.environ {
		if strings.HasPrefix(key, "PARLEY_GATEWAY_") {
			settings[key] = value
		}
	}
	settings[component.EnvPodName], settings[component.EnvPodUID] = podName(seat), podName(seat)
	settings[component.EnvGatewaySeat] = strconv.Itoa(seat)
	settings[component.EnvGatewayMaxSessions] = strconv.Itoa(int(s.plan.maxSessions))
	return settings
}

func (s *system) gateways(group *lifecycle.Group) error {
	for k := range s.plan.gateways {
		pod := podName(k)
		cfg, err := gatewayserver.Load(s.environment(component.Gateway, s.gatewaySettings(k)))
		if err != nil {
			return fmt.Errorf("%s: %w", pod, err)
		}
		cfg.RPCListen, cfg.OpsListen = "", ""
		cfg.DrainTimeout = drainTimeout
		cfg.FilesOrigin, cfg.ObjectStoreOrigin, cfg.PageOrigins = s.doors.filesOrigin, s.storeOrigin, s.doors.pageOrigins()
		s.add(group, pod, func(ctx context.Context) error {
			return gatewayserver.Run(ctx, cfg, gatewayserver.Parts{Public: s.doors.listeners[k], Ring: s.ring, Parts: process.Parts{
				RPC: s.network.listen(pod), Broker: s.bus, Transport: s.transport,
				Keys: s.keyring.keys[component.Gateway], Logger: s.logger(pod), Started: s.up,
			}})
		})
	}
	return nil
}
