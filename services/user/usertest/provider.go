// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

// CanaryPhone and CanaryCode stand in every message of TestProvider, and must stand in no error.
const (
	CanaryPhone = "+8613812345678"
	CanaryCode  = "907132"
)

// NewMessage is a code for CanaryPhone.
func NewMessage() user.CodeMessage {
	return user.CodeMessage{
		ID: ids.NewCodeRequest(), Number: user.Number{Phone: user.PhoneOf(CanaryPhone), Country: "CN"},
		Digits: user.DigitsOf(CanaryCode), Purpose: user.ToLogin,
	}
}

// TestProvider is what every provider that calls a server has to pass: whatever goes wrong there, it calls
// once, answers SMS_UNAVAILABLE soon, and its error names neither number nor code. Open makes a provider of a
// server; good is what that server says when it takes a message.
func TestProvider(t *testing.T, open func(t *testing.T, url string) user.SMS, good http.HandlerFunc) {
	t.Helper()
	rows := map[string]struct {
		answer http.HandlerFunc
		err    error
	}{
		"a message that is taken":         {good, nil},
		"a failure of the server":         {status(http.StatusInternalServerError), user.ErrSMSUnavailable},
		"garbage with a failure":          {write(http.StatusBadGateway, "<html>\x00\xff"), user.ErrSMSUnavailable},
		"a redirect":                      {redirect, user.ErrSMSUnavailable},
		"a connection that breaks":        {hangUp, user.ErrSMSUnavailable},
		"an answer that breaks off":       {breakOff, user.ErrSMSUnavailable},
		"an answer that never comes":      {silent, user.ErrSMSUnavailable},
		"an answer without an end":        {endless, user.ErrSMSUnavailable},
		"a header that is no HTTP at all": {noHTTP, user.ErrSMSUnavailable},
		"an answer that comes twice":      {twice, user.ErrSMSUnavailable},
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
			check(t, open(t, server.URL).Send(ctx, NewMessage()), row.err)
			if calls.Load() != 1 {
				t.Errorf("%d calls, want exactly one", calls.Load())
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		check(t, open(t, server.URL).Send(t.Context(), NewMessage()), user.ErrSMSUnavailable)
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
	if _, told := fault.Of(err); !told {
		t.Errorf("%v is no fault", err)
	}
	text := fmt.Sprintf("%v %+v %q", err, err, err)
	for _, canary := range []string{CanaryPhone, CanaryPhone[1:], CanaryPhone[3:], CanaryCode} {
		if strings.Contains(text, canary) {
			t.Errorf("the error names %q: %s", canary, text)
		}
	}
}

func status(code int) http.HandlerFunc { return write(code, "") }

func write(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}

func redirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
}

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func hangUp(w http.ResponseWriter, _ *http.Request) { raw(w, "") }

func noHTTP(w http.ResponseWriter, _ *http.Request) { raw(w, "+OK 12345\r\n\r\n") }

func breakOff(w http.ResponseWriter, _ *http.Request) {
	raw(w, "HTTP/1.1 500 no\r\nContent-Length: 1000\r\n\r\n{\"Code\":\"O")
}

// twice answers once too often: what comes first counts, and nothing waits for the next call.
func twice(w http.ResponseWriter, _ *http.Request) {
	raw(w, "HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\nHTTP/1.1 202 yes\r\nContent-Length: 11\r\n\r\n{\"Code\":\"OK\"}")
}

func endless(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusInternalServerError)
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
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_ = connection.Close()
}
