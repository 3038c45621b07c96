// SPDX-License-Identifier: Apache-2.0

// Package speechtest holds doubles of the ports of speech, and what every provider must do.
package speechtest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/provider/providertest"
	"github.com/parley-chat/parley/services/speech"
)

// Canaries stand in the credentials and in what servers complain of, and must stand in no error.
const (
	CanaryKey    = "canary-key-4711"
	CanarySecret = "canary-secret-4712"
	CanaryWords  = "canary words that somebody spoke"
)

// Sound is silence of a length.
func Sound(d time.Duration) speech.PCM { return make(speech.PCM, speech.Bytes(d)) }

// TestProvider is what every provider that calls a server has to do: whatever goes wrong there, it calls once,
// answers SPEECH_UNAVAILABLE soon, and its error names neither credentials nor words. Open makes a provider of a
// server; good is what that server says when it understands.
func TestProvider(t *testing.T, open func(t *testing.T, url string) speech.Provider, good http.HandlerFunc) {
	t.Helper()
	providertest.Suite{
		Call: func(ctx context.Context, t *testing.T, url string) error {
			t.Helper()
			_, err := open(t, url).Recognize(ctx, speech.Piece{Sound: Sound(time.Second)})
			return err
		},
		Rows: map[string]providertest.Row{
			"speech that is understood":  {Answer: good},
			"a failure of the server":    {Answer: providertest.Write(http.StatusInternalServerError, CanaryWords), Want: speech.ErrUnavailable},
			"garbage":                    {Answer: providertest.Write(http.StatusOK, "<html>\x00\xff"+CanaryWords), Want: speech.ErrUnavailable},
			"other JSON":                 {Answer: providertest.Write(http.StatusOK, `["`+CanaryWords+`"]`), Want: speech.ErrUnavailable},
			"garbage with a failure":     {Answer: providertest.Write(http.StatusBadGateway, "<html>\x00\xff"), Want: speech.ErrAway},
			"too much to do":             {Answer: providertest.Write(http.StatusTooManyRequests, ""), Want: speech.ErrAway},
			"a key that is refused":      {Answer: providertest.Write(http.StatusUnauthorized, `{"error":{"message":"`+CanaryKey+`"}}`), Want: speech.ErrAccount},
			"a redirect":                 {Answer: providertest.Redirect(CanaryWords), Want: speech.ErrUnavailable},
			"a connection that breaks":   {Answer: providertest.Raw(""), Want: speech.ErrAway},
			"an answer that breaks off":  {Answer: providertest.Raw("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"text\":\"O"), Want: speech.ErrAway},
			"an answer that never comes": {Answer: providertest.Silent, Want: speech.ErrUnavailable},
			"an answer without an end":   {Answer: providertest.Endless(http.StatusOK), Want: speech.ErrUnavailable},
		},
		Fault: speech.ErrUnavailable, Away: speech.ErrAway, Canaries: []string{CanaryKey, CanarySecret, CanaryWords},
	}.Run(t)
}
