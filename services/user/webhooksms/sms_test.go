// SPDX-License-Identifier: Apache-2.0

package webhooksms_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/provider/providertest"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/usertest"
	"github.com/parley-chat/parley/services/user/webhooksms"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(_ *testing.T, url string) user.SMS {
	return webhooksms.New(webhooksms.Options{
		URL: secret.New(url), Key: secret.New("new key"), PreviousKey: secret.New("old key"), Now: func() time.Time { return at },
		Client: providertest.Client(),
	})
}

func TestProvider(t *testing.T) {
	t.Parallel()
	usertest.TestProvider(t, open, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
}

// signed tells whether one of the signatures is that of a key, as the text of Standard Webhooks says.
func signed(r *http.Request, body []byte, key string) bool {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "."))
	mac.Write(body)
	for signature := range strings.SplitSeq(r.Header.Get("webhook-signature"), " ") {
		if signature == "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
			return true
		}
	}
	return false
}

func TestTheEndpointCanCheckBothSignatures(t *testing.T) {
	t.Parallel()
	m := usertest.NewMessage()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for key, want := range map[string]bool{"new key": true, "old key": true, "another key": false} {
			if got := signed(r, body, key); got != want {
				t.Errorf("signed with %q: %v, want %v", key, got, want)
			}
		}
		var got map[string]any
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		want := map[string]any{
			"id": m.ID.String(), "type": "sms.code", "createdAt": "2026-03-01T12:00:00Z",
			"data": map[string]any{"phone": usertest.CanaryPhone, "country": "CN", "code": usertest.CanaryCode, "purpose": "login"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
		if r.Header.Get("webhook-id") != m.ID.String() || r.Header.Get("webhook-timestamp") != "1772366400" {
			t.Errorf("headers %v", r.Header)
		}
	}))
	t.Cleanup(server.Close)
	if err := open(t, server.URL).Send(t.Context(), m); err != nil {
		t.Error(err)
	}
}

func TestWhatTheEndpointAnswersIsTold(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{
		200: nil, 204: nil, 422: fault.ErrInvalid, 429: user.ErrRateLimited,
		400: user.ErrSMSUnavailable, 401: user.ErrSMSAccount, 403: user.ErrSMSAccount, 404: user.ErrSMSAccount, 503: user.ErrSMSUnavailable,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		if err := open(t, server.URL).Send(t.Context(), usertest.NewMessage()); !errors.Is(err, want) {
			t.Errorf("status %d: %v, want %v", status, err, want)
		}
		server.Close()
	}
}
