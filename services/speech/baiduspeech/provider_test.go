// SPDX-License-Identifier: Apache-2.0

package baiduspeech_test

import (
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
	"github.com/parley-chat/parley/services/internal/provider/providertest"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/speech"
	"github.com/parley-chat/parley/services/speech/baiduspeech"
	"github.com/parley-chat/parley/services/speech/speechtest"
)

// at is 20:00 where the vendor counts days.
var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func options(url string) baiduspeech.Options {
	return baiduspeech.Options{
		URL: url + "/server_api", TokenURL: url + "/oauth/2.0/token", APIKey: secret.New(speechtest.CanaryKey), ClientID: "pod-1",
		Client: providertest.Client(), Now: func() time.Time { return at },
	}
}

func number(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"err_no":%d,"err_msg":"about %s","sn":"S-1","corpus_no":"1"}`, n, speechtest.CanaryWords)
	}
}

func understood(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte(`{"err_no":0,"err_msg":"success.","sn":"S-1","result":["北京天气，","北京天七"]}`))
}

func TestProvider(t *testing.T) {
	t.Parallel()
	speechtest.TestProvider(t, func(_ *testing.T, url string) speech.Provider { return baiduspeech.New(options(url)) }, understood)
}

// vendor checks requests as the vendor documents them.
type vendor struct {
	t      *testing.T
	tokens atomic.Int64
	// revoked tokens are refused.
	revoked string
	models  []string
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/oauth/2.0/token" {
		if r.FormValue("grant_type") != "client_credentials" || r.FormValue("client_id") != speechtest.CanaryKey ||
			r.FormValue("client_secret") != speechtest.CanarySecret {
			v.t.Errorf("asked for a token with %v", r.Form)
		}
		_, _ = fmt.Fprintf(w, `{"access_token":"24.t%d","expires_in":2592000,"scope":"audio_voice_assistant_get"}`, v.tokens.Add(1))
		return
	}
	body, err := io.ReadAll(r.Body)
	query := r.URL.Query()
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/server_api" || len(body) != 32000 ||
		r.Header.Get("Content-Type") != "audio/pcm;rate=16000" || query.Get("cuid") != "pod-1" || len(query) > 3 {
		v.t.Errorf("%s %v %v with %d bytes: %v", r.Method, r.URL, r.Header, len(body), err)
	}
	v.models = append(v.models, query.Get("dev_pid"))
	switch token := query.Get("token"); {
	case token == "" && r.Header.Get("Authorization") != "Bearer "+speechtest.CanaryKey, token != "" && r.Header.Get("Authorization") != "":
		v.t.Errorf("credentials %q and %q", token, r.Header.Get("Authorization"))
	case token != "" && token == v.revoked:
		number(3302)(w, r)
		return
	}
	understood(w, r)
}

func piece(language string) speech.Piece {
	return speech.Piece{Sound: speechtest.Sound(time.Second), Language: language}
}

func TestTheVendorFindsWhatItWants(t *testing.T) {
	t.Parallel()
	v := &vendor{t: t}
	server := httptest.NewServer(v)
	defer server.Close()
	p := baiduspeech.New(options(server.URL))
	for language, want := range map[string]string{"": "1537 zh", "zh-CN": "1537 zh", "en-GB": "1737 en", "yue": "1637 yue", "zh-HK": "1637 yue", "de": "1537 zh"} {
		got, err := p.Recognize(t.Context(), piece(language))
		if err != nil || got.Text != "北京天气，" {
			t.Errorf("%q: %+v, %v", language, got, err)
		}
		if m := v.models[len(v.models)-1] + " " + got.Language; m != want {
			t.Errorf("%q: %s, want %s", language, m, want)
		}
	}
	o := options(server.URL)
	o.Model = "80001"
	if _, err := baiduspeech.New(o).Recognize(t.Context(), piece("en")); err != nil || v.models[len(v.models)-1] != "80001" {
		t.Errorf("%v, %v", v.models, err)
	}
	if v.tokens.Load() != 0 {
		t.Error("a token was asked for where the key serves itself")
	}
}

func TestATokenServesAllCallsAndIsRenewedOnce(t *testing.T) {
	t.Parallel()
	v := &vendor{t: t}
	server := httptest.NewServer(v)
	defer server.Close()
	o, now := options(server.URL), at
	o.SecretKey, o.Now = secret.New(speechtest.CanarySecret), func() time.Time { return now }
	p := baiduspeech.New(o)
	for i, step := range []struct {
		after   time.Duration
		revoked string
		tokens  int64
		err     error
	}{
		{0, "", 1, nil}, {29 * 24 * time.Hour, "", 1, nil}, {30*24*time.Hour - time.Minute, "", 2, nil}, {0, "24.t2", 3, nil}, {0, "24.t3", 4, nil},
	} {
		now, v.revoked = at.Add(step.after), step.revoked
		if _, err := p.Recognize(t.Context(), piece("")); !errors.Is(err, step.err) || v.tokens.Load() != step.tokens {
			t.Errorf("step %d: %v with %d tokens", i, err, v.tokens.Load())
		}
	}
}

func TestTheNumbersOfTheVendorAreTold(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]error{
		0: nil, 3301: nil, // nothing that was understood
		3300: speech.ErrAudioUnfit, 3311: speech.ErrAudioUnfit, 3312: speech.ErrAudioUnfit, 3314: speech.ErrAudioUnfit, 3309: speech.ErrAudioUnfit,
		3316: speech.ErrAudioUnfit, 3308: speech.ErrAudioUnfit, 3310: speech.ErrAudioUnfit,
		3302: speech.ErrAccount, 3304: speech.ErrAway, 3305: speech.ErrQuotaExceeded,
		3303: speech.ErrUnavailable, 3307: speech.ErrUnavailable, 3313: speech.ErrUnavailable, 3315: speech.ErrUnavailable, 9999: speech.ErrUnavailable,
	} {
		server := httptest.NewServer(number(n))
		got, err := baiduspeech.New(options(server.URL)).Recognize(t.Context(), piece(""))
		server.Close()
		if !errors.Is(err, want) || got.Text != "" {
			t.Errorf("%d: %+v, %v, want %v", n, got, err, want)
		}
		if known, _ := fault.Of(err); n == 3305 && known.RetryAfter() != 4*time.Hour {
			t.Errorf("the vendor's day lasts %v", known.RetryAfter())
		}
		if n >= 3303 && n != 3304 && errors.Is(err, speech.ErrAccount) {
			t.Errorf("%d: an alarm for nothing", n)
		}
		if err != nil && strings.Contains(err.Error(), speechtest.CanaryWords) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func TestNoErrorHoldsKeyOrToken(t *testing.T) {
	t.Parallel()
	for _, refuse := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"access_token":"` + speechtest.CanaryWords + `","expires_in":9999}`))
		},
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"error":"invalid_client"}`)) },
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/oauth") {
				refuse(w, r)
				return
			}
			conn, _, _ := http.NewResponseController(w).Hijack()
			_ = conn.Close()
		}))
		o := options(server.URL)
		o.SecretKey = secret.New(speechtest.CanarySecret)
		_, err := baiduspeech.New(o).Recognize(t.Context(), piece(""))
		server.Close()
		if !errors.Is(err, speech.ErrUnavailable) {
			t.Errorf("%v", err)
		}
		for _, canary := range []string{speechtest.CanaryKey, speechtest.CanarySecret, speechtest.CanaryWords, "token="} {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("%v", err)
			}
		}
	}
}
