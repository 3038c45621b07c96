// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
	speechv1 "github.com/parley-chat/parley/api/gen/parley/speech/v1"
	"github.com/parley-chat/parley/api/gen/parley/speech/v1/speechv1connect"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/rpcclient"
	"github.com/parley-chat/parley/services/speech"
	"github.com/parley-chat/parley/services/speech/server"
	"github.com/parley-chat/parley/services/speech/speechtest"
)

// running is a speech service inside a test.
type running struct {
	keys     map[component.Name]identity.Keys
	rpc, ops string
}

func start(t *testing.T, settings map[string]string) *running {
	t.Helper()
	cfg, err := server.Load(settings)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{keys: identity.GenerateKeys(component.All()...)}
	listen := func(url *string) net.Listener {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		*url = "http://" + listener.Addr().String()
		return listener
	}
	bus, started, done := membroker.New(), make(chan struct{}), make(chan error, 1)
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
		"pocketsphinx-en-us":    {"PARLEY_SPEECH_PROVIDER": "PocketSphinx", "PARLEY_SPEECH_POCKETSPHINX": "/nowhere/at/all"},
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
