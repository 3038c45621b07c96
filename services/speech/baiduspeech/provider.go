// SPDX-License-Identifier: Apache-2.0

// Package baiduspeech reads speech through the short speech service of Baidu.
//
// The sound goes raw in the body, because base64 would take a minute of it over the vendor's limit; all else
// stands in the URL, the token among it, so an error never holds the URL. With an API key alone the key goes
// into a header instead of a token.
package baiduspeech

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/speech"
)

const (
	// DefaultURL recognises with the standard model.
	DefaultURL = "https://vop.baidu.com/server_api"
	// FastURL recognises with the fast model.
	FastURL = "https://vop.baidu.com/pro_api"
	// DefaultTokenURL gives tokens.
	DefaultTokenURL = "https://aip.baidubce.com/oauth/2.0/token" //nolint:gosec // an address
	// maxPiece is the longest sound; a little less than the vendor's 60 s.
	maxPiece = 59 * time.Second
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 256 << 10
)

// Options of an account. SecretKey, Model and what has a default may be empty.
type Options struct {
	// URL and TokenURL are the vendor's; empty: the defaults, FastURL for the fast model.
	URL, TokenURL string
	APIKey        secret.String
	// SecretKey gets tokens together with APIKey; empty: APIKey is shown itself.
	SecretKey secret.String
	// Model is a dev_pid of the vendor, which wins over the language; 80001 is the fast model.
	Model string
	// ClientID tells the vendor our processes apart, at most 60 characters; random, nothing personal.
	ClientID string
	// Client bounds connecting and must not follow redirects.
	Client *http.Client
	Now    func() time.Time
}

// Provider implements speech.Provider.
type Provider struct {
	o     Options
	token *token
}

// fastModel is the dev_pid that only FastURL takes.
const fastModel = "80001"

// New makes a provider; it calls nobody.
func New(o Options) *Provider {
	if o.URL == "" {
		o.URL = DefaultURL
		if o.Model == fastModel {
			o.URL = FastURL
		}
	}
	if o.TokenURL == "" {
		o.TokenURL = DefaultTokenURL
	}
	return &Provider{o: o, token: newToken(o)}
}

// Abilities of the vendor: also AAC in MP4, but only of one channel and one rate, so that is converted.
func (*Provider) Abilities() speech.Abilities { return speech.Abilities{MaxPiece: maxPiece} }

// Recognize makes one call; a second one with a new token if the vendor refuses the first.
func (p *Provider) Recognize(ctx context.Context, piece speech.Piece) (speech.Transcript, error) {
	if len(piece.Sound) == 0 {
		return speech.Transcript{}, speech.Unfit(speech.WhyFormat)
	}
	token, err := p.token.get(ctx)
	if err != nil {
		return speech.Transcript{}, err
	}
	a, err := p.call(ctx, piece, token)
	if err == nil && a.Number == errAuthentication && p.token.renews() {
		p.token.drop(token)
		if token, err = p.token.get(ctx); err != nil {
			return speech.Transcript{}, err
		}
		a, err = p.call(ctx, piece, token)
	}
	if err != nil {
		return speech.Transcript{}, err
	}
	return p.verdict(a, piece.Language)
}

// answer is the vendor's.
type answer struct {
	Number int      `json:"err_no"`
	Serial string   `json:"sn"`
	Result []string `json:"result"` // best first
}

func (p *Provider) call(ctx context.Context, piece speech.Piece, token string) (answer, error) {
	query := url.Values{"cuid": {p.o.ClientID}, "dev_pid": {p.model(piece.Language)}}
	if token != "" {
		query.Set("token", token)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.o.URL+"?"+query.Encode(), bytes.NewReader(piece.Sound))
	if err != nil {
		return answer{}, away(err)
	}
	request.Header.Set("Content-Type", "audio/pcm;rate="+strconv.Itoa(speech.SampleRate))
	if token == "" {
		request.Header.Set("Authorization", "Bearer "+p.o.APIKey.Reveal())
	}
	var a answer
	status, err := exchange(p.o.Client, request, &a)
	if err == nil && status != http.StatusOK {
		err = byStatus(status)
	}
	return a, err
}

// exchange reads an answer in JSON.
func exchange(client *http.Client, request *http.Request, into any) (status int, err error) {
	response, err := client.Do(request)
	if err != nil {
		return 0, away(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, away(err)
	}
	if json.Unmarshal(body, into) != nil && response.StatusCode == http.StatusOK {
		return 0, speech.ErrUnavailable.Because(errors.New("baidu answers what is no JSON"))
	}
	return response.StatusCode, nil
}

// model is the dev_pid of a language; the vendor's default is Mandarin.
func (p *Provider) model(language string) string {
	primary, _, _ := strings.Cut(strings.ToLower(language), "-")
	switch {
	case p.o.Model != "":
		return p.o.Model
	case primary == "en":
		return "1737"
	case primary == "yue" || strings.EqualFold(language, "zh-HK"):
		return "1637"
	default:
		return "1537"
	}
}

// languageOf a dev_pid; empty for one that is not known.
func languageOf(model string) string {
	switch model {
	case "1537", "1837", fastModel:
		return "zh"
	case "1737":
		return "en"
	case "1637":
		return "yue"
	default:
		return ""
	}
}

func byStatus(status int) error {
	cause := fmt.Errorf("baidu answers status %d", status)
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return speech.ErrUnavailable.Because(fmt.Errorf("%w: %w", speech.ErrAccount, cause))
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		return speech.ErrUnavailable.Because(fmt.Errorf("%w: %w", speech.ErrAway, cause))
	default:
		return speech.ErrUnavailable.Because(cause)
	}
}

// away drops the part of an error that holds the token.
func away(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return speech.ErrUnavailable.Because(fmt.Errorf("%w: %w", speech.ErrAway, err))
}
