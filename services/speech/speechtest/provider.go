// SPDX-License-Identifier: Apache-2.0

// Package speechtest holds doubles of the ports of speech, and what every provider must do.
package speechtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/speech"
)

// Canaries stand in the credentials and in what servers complain of, and must stand in no error.
const (
	CanaryKey    = "canary-key-4711"
	CanarySecret = "canary-secret-4712"
	CanaryWords  = "canary words that somebody spoke"
)

// Client is what providers get: it follows no redirect.
func Client() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Sound is silence of a length.
func Sound(d time.Duration) speech.PCM { return make(speech.PCM, speech.Bytes(d)) }

// TestProvider is what every provider that calls a server has to do: whatever goes wrong there, it calls once,
// answers SPEECH_UNAVAILABLE soon, and its error names neither credentials nor words. Open makes a provider of a
// server; good is what that server says when it understands.
func TestProvider(t *testing.T, open func(t *testing.T, url string) speech.Provider, good http.HandlerFunc) {
	t.Helper()
	rows := map[string]struct {
		answer http.HandlerFunc
		err    error
	}{
		"speech that is understood":  {good, nil},
		"a failure of the server":    {write(http.StatusInternalServerError, CanaryWords), speech.ErrUnavailable},
		"garbage":                    {write(http.StatusOK, "<html>\x00\xff"+CanaryWords), speech.ErrUnavailable},
		"other JSON":                 {write(http.StatusOK, `["`+CanaryWords+`"]`), speech.ErrUnavailable},
		"garbage with a failure":     {write(http.StatusBadGateway, "<html>\x00\xff"), speech.ErrAway},
		"too much to do":             {write(http.StatusTooManyRequests, ""), speech.ErrAway},
		"a key that is refused":      {write(http.StatusUnauthorized, `{"error":{"message":"`+CanaryKey+`"}}`), speech.ErrAccount},
		"a redirect":                 {redirect, speech.ErrUnavailable},
		"a connection that breaks":   {hangUp, speech.ErrAway},
		"an answer that breaks off":  {breakOff, speech.ErrAway},
		"an answer that never comes": {silent, speech.ErrUnavailable},
		"an answer without an end":   {endless, speech.ErrUnavailable},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				_, _ = io.Copy(io.Discard, r.Body) // else the end of the connection is not noticed
				row.answer(w, r)
			}))
			t.Cleanup(server.Close)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			_, err := open(t, server.URL).Recognize(ctx, speech.Piece{Sound: Sound(time.Second)})
			check(t, err, row.err)
			if calls.Load() != 1 {
				t.Errorf("%d calls, want exactly one", calls.Load())
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		_, err := open(t, server.URL).Recognize(t.Context(), speech.Piece{Sound: Sound(time.Second)})
		check(t, err, speech.ErrAway)
	})
}

func check(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
	if err == nil {
		return
	}
	if known, ok := fault.Of(err); !ok || !errors.Is(known, speech.ErrUnavailable) {
		t.Errorf("%v is not SPEECH_UNAVAILABLE", err)
	}
	text := fmt.Sprintf("%v %+v %q", err, err, err)
	for _, canary := range []string{CanaryKey, CanarySecret, CanaryWords} {
		if strings.Contains(text, canary) {
			t.Errorf("the error names %q: %s", canary, text)
		}
	}
}

func write(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}

func redirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/elsewhere?"+CanaryWords, http.StatusTemporaryRedirect)
}

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func hangUp(w http.ResponseWriter, _ *http.Request) { raw(w, "") }

func breakOff(w http.ResponseWriter, _ *http.Request) {
	raw(w, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"text\":\"O")
}

func endless(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := w.Write(make([]byte, 4096)); err != nil {
			return
		}
	}
}

// raw answers bytes and ends the connection.
func raw(w http.ResponseWriter, text string) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = connection.Write([]byte(text))
	_ = connection.Close()
}
