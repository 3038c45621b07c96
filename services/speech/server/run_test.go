// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	speechv1 "github.com/parley-chat/parley/api/gen/parley/speech/v1"
	"github.com/parley-chat/parley/api/gen/parley/speech/v1/speechv1connect"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/internal/rpcserver"
	"github.com/parley-chat/parley/services/speech"
	"github.com/parley-chat/parley/services/speech/server"
	"github.com/parley-chat/parley/services/speech/speechtest"
)

// running is a speech service inside a test.
type running struct {
	keys     map[component.Name]identity.Keys
	bus      *membroker.Broker
	rpc, ops string
}

// publish waits until a queue takes the message.
func publish(t *testing.T, bus broker.Publisher, m broker.Message) {
	t.Helper()
	for {
		err := bus.Publish(t.Context(), m)
		if err == nil {
			return
		}
		if !errors.Is(err, broker.ErrUnroutable) {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// others are the addresses of services that a test stands for, and the keys of all.
type others struct {
	keys          map[component.Name]identity.Keys
	file, message string
}

// upstreams are what the speech service calls.
type upstreams interface {
	filev1connect.FileServiceHandler
	messagev1connect.MessageServiceHandler
}

func newOthers(t *testing.T, keys map[component.Name]identity.Keys, v upstreams) others {
	t.Helper()
	o := others{keys: keys}
	serve := func(name component.Name, mount func(*rpcserver.Server)) string {
		rpc := rpcserver.New(rpcserver.Options{Component: name, Keys: o.keys[name], Logger: slog.New(slog.DiscardHandler)})
		mount(rpc)
		server := httptest.NewServer(rpc.Handler())
		t.Cleanup(server.Close)
		return server.URL
	}
	o.file = serve(component.File, func(s *rpcserver.Server) {
		s.Mount(filev1connect.NewFileServiceHandler(v, s.HandlerOptions()...))
	})
	o.message = serve(component.Message, func(s *rpcserver.Server) {
		s.Mount(messagev1connect.NewMessageServiceHandler(v, s.HandlerOptions()...))
	})
	return o
}

func start(t *testing.T, settings map[string]string) *running {
	t.Helper()
	return startWith(t, settings, identity.GenerateKeys(component.All()...))
}

func startWith(t *testing.T, settings map[string]string, keys map[component.Name]identity.Keys) *running {
	t.Helper()
	cfg, err := server.Load(settings)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{keys: keys, bus: membroker.New()}
	listen := func(url *string) net.Listener {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		*url = "http://" + listener.Addr().String()
		return listener
	}
	bus, started, done := r.bus, make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	parts := server.Parts{
		RPC: listen(&r.rpc), Ops: listen(&r.ops), Broker: bus, Keys: r.keys[component.Speech],
		Logger: slog.New(slog.DiscardHandler), Started: func() { close(started) },
	}
	go func() { done <- server.Run(ctx, cfg, parts) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, bus.Close()); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-started:
	case err := <-done:
		t.Fatal(err)
	}
	return r
}

func (r *running) recognize(t *testing.T) (*speechv1.RecognizeResponse, error) {
	t.Helper()
	c := rpcclient.New(rpcclient.Options{Self: component.Gateway, Audience: component.Speech, BaseURL: r.rpc, Keys: r.keys[component.Gateway]})
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(identity.NewContext(t.Context(), identity.Caller{UserID: ids.NewUser()}), 20*time.Second)
	defer cancel()
	return speechv1connect.NewSpeechServiceClient(c.HTTPClient(), c.BaseURL(), c.Options()...).Recognize(ctx, &speechv1.RecognizeRequest{
		Format: speechv1.AudioFormat_AUDIO_FORMAT_WAV, Audio: speechtest.Sound(time.Second).WAV(),
	})
}

func (r *running) status(t *testing.T) (status component.Status) {
	t.Helper()
	response, err := http.Get(r.ops + component.StatusPath)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&status); err != nil {
		t.Fatal(err)
	}
	return status
}

func TestF55_AProviderThatIsAwayIsNamedAndThePodIsReady(t *testing.T) {
	t.Parallel()
	r := start(t, map[string]string{"PARLEY_SPEECH_PROVIDER": "OpenAI", "PARLEY_SPEECH_URL": "http://127.0.0.1:1"})
	if class := r.status(t).Dependencies[component.SpeechProvider]; class != "" {
		t.Errorf("before the first recording the provider is %s", class)
	}
	if _, err := r.recognize(t); !errors.Is(err, speech.ErrUnavailable) {
		t.Errorf("%v, want SPEECH_UNAVAILABLE", err)
	}
	if status := r.status(t); status.Dependencies[component.SpeechProvider] != component.ClassUnreachable || !status.Ready {
		t.Errorf("status %+v, want a ready pod whose provider is away", status)
	}
}

// A pod without its programs is ready: the rest of the chat does not wait for speech. It says what it lacks.
func TestF55_AProgramThatIsNotInstalledIsNamedAndThePodIsReady(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]map[string]string{
		"the provider": {"PARLEY_SPEECH_PROVIDER": "PocketSphinx", "PARLEY_SPEECH_POCKETSPHINX": "/nowhere/at/all"},
		"ffmpeg":       {"PARLEY_SPEECH_PROVIDER": "Baidu", "PARLEY_SPEECH_API_KEY": "k", "PARLEY_SPEECH_URL": "https://127.0.0.1:1", "PARLEY_SPEECH_FFMPEG": "/nowhere/at/all"},
	} {
		r := start(t, settings)
		if status := r.status(t); status.Dependencies[component.SpeechProvider] != component.ClassProgramMissing || !status.Ready {
			t.Errorf("without %s: status %+v, want a ready pod that lacks a program", name, status)
		}
		if _, err := r.recognize(t); !errors.Is(err, speech.ErrUnavailable) {
			t.Errorf("without %s: %v, want SPEECH_UNAVAILABLE", name, err)
		}
	}
}

func TestWithoutAProviderRecordingsAreNotRead(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	if _, err := r.recognize(t); !errors.Is(err, speech.ErrUnavailable) {
		t.Errorf("%v, want SPEECH_UNAVAILABLE", err)
	}
}

func TestWhatIsNotThereIsNamedAtTheStart(t *testing.T) {
	t.Parallel()
	for want, settings := range map[string]map[string]string{
		"PARLEY_SPEECH_CA_FILE": {"PARLEY_SPEECH_PROVIDER": "OpenAI", "PARLEY_SPEECH_URL": "https://x", "PARLEY_SPEECH_CA_FILE": "/nowhere/at/all"},
	} {
		cfg, err := server.Load(settings)
		if err != nil {
			t.Fatal(err)
		}
		bus := membroker.New()
		err = server.Run(t.Context(), cfg, server.Parts{
			Broker: bus, Keys: identity.GenerateKeys(component.All()...)[component.Speech], Logger: slog.New(slog.DiscardHandler),
		})
		if err = errors.Join(err, bus.Close()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
