// SPDX-License-Identifier: Apache-2.0

package baiduspeech

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/speech"
)

// early is how long before its end a token is not used any more.
const early = time.Hour

// token is shared by all calls; the vendor's are valid for 30 days.
type token struct {
	o Options

	mu    sync.Mutex // guards what follows, and makes one call get a token for all
	value string
	until time.Time
}

func newToken(o Options) *token { return &token{o: o} }

// renews tells whether there are tokens at all.
func (t *token) renews() bool { return !t.o.SecretKey.IsZero() }

// get answers a valid token, empty where the API key serves itself.
func (t *token) get(ctx context.Context) (string, error) {
	if !t.renews() {
		return "", nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value != "" && t.o.Now().Before(t.until) {
		return t.value, nil
	}
	value, lifetime, err := t.ask(ctx)
	if err != nil {
		return "", err
	}
	t.value, t.until = value, t.o.Now().Add(lifetime-min(early, lifetime/2))
	return value, nil
}

// drop forgets a token that was refused, unless there is a newer one.
func (t *token) drop(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value == value {
		t.value = ""
	}
}

// ask sends the keys in the body and not in the URL, where logs of proxies would find them.
func (t *token) ask(ctx context.Context) (string, time.Duration, error) {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {t.o.APIKey.Reveal()}, "client_secret": {t.o.SecretKey.Reveal()},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.o.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, away(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var a struct {
		Token   string `json:"access_token"`
		Seconds int64  `json:"expires_in"`
		Error   string `json:"error"`
	}
	status, err := exchange(t.o.Client, request, &a)
	switch {
	case err != nil:
		return "", 0, err
	case a.Error != "" || status == http.StatusUnauthorized:
		return "", 0, speech.ErrUnavailable.Because(fmt.Errorf("%w: baidu gives no token: %.64q", speech.ErrAccount, a.Error))
	case status != http.StatusOK:
		return "", 0, byStatus(status)
	case a.Token == "" || a.Seconds <= 0:
		return "", 0, speech.ErrUnavailable.Because(errors.New("baidu answers no token"))
	}
	return a.Token, time.Duration(min(a.Seconds, 365*24*60*60)) * time.Second, nil
}
