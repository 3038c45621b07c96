// SPDX-License-Identifier: Apache-2.0

// Package openaispeech reads speech through any server that offers POST /v1/audio/transcriptions as OpenAI
// does: a form with file, model and language, answered in verbose JSON.
package openaispeech

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/speech"
)

const (
	// maxPiece keeps a WAV below the 25 MB of the original server.
	maxPiece = 10 * time.Minute
	// maxAnswer bounds what is read; verbose JSON of five minutes has about 50 KiB.
	maxAnswer = 1 << 20
	path      = "/v1/audio/transcriptions"
)

// Options of a server.
type Options struct {
	// BaseURL is what stands before /v1, for example http://whisper:8000; with a /v1 at its end it is the same.
	BaseURL string
	Model   string
	// APIKey may be empty.
	APIKey secret.String
	// Client bounds connecting and must not follow redirects: the key would go to somebody else.
	Client *http.Client
}

// Provider implements speech.Provider.
type Provider struct {
	o   Options
	url string
}

// New makes a provider; it calls nobody.
func New(o Options) *Provider {
	base := strings.TrimSuffix(strings.TrimRight(o.BaseURL, "/"), "/v1")
	return &Provider{o: o, url: base + path}
}

// Abilities of such servers: they read what browsers record.
func (*Provider) Abilities() speech.Abilities {
	return speech.Abilities{MaxPiece: maxPiece, Formats: []speech.Format{speech.WAV, speech.WebM, speech.Ogg, speech.MP4, speech.MP3}}
}

// Recognize makes one call.
func (p *Provider) Recognize(ctx context.Context, piece speech.Piece) (speech.Transcript, error) {
	body, contentType, err := p.form(piece)
	if err != nil {
		return speech.Transcript{}, fmt.Errorf("write the form: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return speech.Transcript{}, away(err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Accept", "application/json")
	if !p.o.APIKey.IsZero() {
		request.Header.Set("Authorization", "Bearer "+p.o.APIKey.Reveal())
	}
	response, err := p.o.Client.Do(request)
	if err != nil {
		return speech.Transcript{}, away(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return speech.Transcript{}, away(err)
	case response.StatusCode != http.StatusOK:
		return speech.Transcript{}, refusal(response, answer)
	case len(answer) > maxAnswer:
		return speech.Transcript{}, speech.ErrUnavailable.Because(errors.New("the server answers too much"))
	}
	return understand(answer, piece.Language)
}

// form is the body of a call.
func (p *Provider) form(piece speech.Piece) (body []byte, contentType string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	fields := [][2]string{{"model", p.o.Model}, {"response_format", "verbose_json"}, {"temperature", "0"}}
	if primary, _, _ := strings.Cut(piece.Language, "-"); len(primary) == 2 {
		fields = append(fields, [2]string{"language", strings.ToLower(primary)})
	}
	for _, f := range fields {
		if err := w.WriteField(f[0], f[1]); err != nil {
			return nil, "", err
		}
	}
	content, name := piece.Sound.WAV(), "speech.wav"
	if len(piece.Sound) == 0 {
		content, name = piece.Recording.Bytes, fileName(piece.Recording.Format)
	}
	file, err := w.CreateFormFile("file", name) // servers look at the end of the name
	if err == nil {
		_, err = file.Write(content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, "", err
	}
	return b.Bytes(), w.FormDataContentType(), nil
}

func fileName(f speech.Format) string {
	ends := map[speech.Format]string{speech.WAV: "wav", speech.WebM: "webm", speech.Ogg: "ogg", speech.MP4: "m4a", speech.ADTS: "aac", speech.MP3: "mp3"}
	return "speech." + ends[f]
}

// understand reads verbose JSON; servers that know only the short form give the text alone.
func understand(body []byte, asked string) (speech.Transcript, error) {
	var a struct {
		Text     *string `json:"text"`
		Language string  `json:"language"`
		Segments []struct {
			Start      float64  `json:"start"`
			End        float64  `json:"end"`
			LogProb    *float64 `json:"avg_logprob"`
			Confidence *float64 `json:"confidence"`
		} `json:"segments"`
	}
	if json.Unmarshal(body, &a) != nil || a.Text == nil {
		return speech.Transcript{}, speech.ErrUnavailable.Because(errors.New("the server answers what is no transcription"))
	}
	t := speech.Transcript{Text: *a.Text, Language: languageTag(a.Language)}
	if t.Language == "" {
		t.Language = asked
	}
	var weighed, told float64
	for _, s := range a.Segments {
		length := max(s.End-s.Start, 0.01)
		switch {
		case s.Confidence != nil:
			weighed += *s.Confidence * length
		case s.LogProb != nil:
			weighed += math.Exp(min(*s.LogProb, 0)) * length // the mean probability of a token
		default:
			continue
		}
		told += length
	}
	if told > 0 {
		t.Confidence = weighed / told
	}
	return t, nil
}

// refusal maps the status of an answer. The text of the server is not kept: it may quote the key.
func refusal(response *http.Response, body []byte) error {
	var a struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &a) // servers that are not OpenAI's say what they like
	cause := fmt.Errorf("the server answers status %d", response.StatusCode)
	switch status := response.StatusCode; {
	case a.Error.Code == "insufficient_quota":
		return speech.ErrQuotaExceeded.After(retryAfter(response, time.Hour)).Because(cause)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound, status == http.StatusPaymentRequired:
		return speech.ErrUnavailable.Because(fmt.Errorf("%w: %w", speech.ErrAccount, cause))
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity,
		status == http.StatusRequestEntityTooLarge, status == http.StatusUnsupportedMediaType:
		return speech.Unfit(speech.WhyDamaged).Because(cause)
	case status == http.StatusTooManyRequests, status == http.StatusBadGateway,
		status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return speech.ErrUnavailable.Because(fmt.Errorf("%w: %w", speech.ErrAway, cause))
	default:
		return speech.ErrUnavailable.Because(cause)
	}
}

func retryAfter(response *http.Response, otherwise time.Duration) time.Duration {
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil || seconds <= 0 {
		return otherwise
	}
	return time.Duration(min(seconds, 24*60*60)) * time.Second
}

func away(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return speech.ErrUnavailable.Because(fmt.Errorf("%w: %w", speech.ErrAway, err))
}
