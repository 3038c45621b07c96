// SPDX-License-Identifier: Apache-2.0

// Package webhooksms hands codes to an HTTP endpoint of the operator, which sends them.
//
// The request is signed as the Standard Webhooks text says: header webhook-signature holds "v1," and the
// base64 of HMAC-SHA256 over "id.timestamp.body"; while a key is replaced, a second one with the old key.
// Any status of 2xx means that the message was taken, 422 that the number is refused, 429 that the endpoint
// has had enough. The call is made once, and redirects are not followed.
package webhooksms

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/user"
)

// maxAnswer bounds what is read, and thrown away, so that the connection can serve again.
const maxAnswer = 4 << 10

// Options of an endpoint.
type Options struct {
	URL         secret.String // may hold a token
	Key         secret.String
	PreviousKey secret.String // while Key is being replaced
	// Client bounds connecting and reading, and must not follow redirects.
	Client *http.Client
	Now    func() time.Time
}

// SMS implements user.SMS.
type SMS struct{ o Options }

// New makes a provider; it calls nobody.
func New(o Options) SMS { return SMS{o} }

// message is the body.
type message struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	CreatedAt string `json:"createdAt"` // RFC 3339
	Data      data   `json:"data"`
}

type data struct {
	Phone   string `json:"phone"` // E.164
	Country string `json:"country"`
	Code    string `json:"code"`
	Purpose string `json:"purpose"`
}

// Send makes one call.
func (s SMS) Send(ctx context.Context, m user.CodeMessage) error {
	request, err := s.request(ctx, m)
	if err != nil {
		return user.ErrSMSUnavailable.Because(withoutURL(err))
	}
	response, err := s.o.Client.Do(request)
	if err != nil {
		return user.ErrSMSUnavailable.Because(withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer))
	return verdict(response.StatusCode)
}

func (s SMS) request(ctx context.Context, m user.CodeMessage) (*http.Request, error) {
	now := s.o.Now().UTC()
	body, err := json.Marshal(message{
		ID: m.ID.String(), Type: "sms.code", CreatedAt: now.Format(time.RFC3339),
		Data: data{
			Phone: m.Number.Phone.Reveal(), Country: m.Number.Country, Code: m.Digits.Reveal(), Purpose: purpose(m.Purpose),
		},
	})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.o.URL.Reveal(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.GetBody = nil // nothing is ever sent twice
	stamp := strconv.FormatInt(now.Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Webhook-Id", m.ID.String())
	request.Header.Set("Webhook-Timestamp", stamp)
	request.Header.Set("Webhook-Signature", s.signatures(m.ID.String()+"."+stamp+".", body))
	return request, nil
}

// signatures with both keys, the newer one first.
func (s SMS) signatures(prefix string, body []byte) string {
	var all []string
	for _, key := range []secret.String{s.o.Key, s.o.PreviousKey} {
		if key.IsZero() {
			continue
		}
		mac := hmac.New(sha256.New, []byte(key.Reveal()))
		_, _ = mac.Write([]byte(prefix))
		_, _ = mac.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(all, " ")
}

func purpose(p user.Purpose) string {
	switch p {
	case user.ToRegister:
		return "register"
	case user.ToLogin:
		return "login"
	case user.ToResetPassword:
		return "reset_password"
	case user.ToSetPhone:
		return "set_phone"
	case user.ToConfirmOldPhone:
		return "confirm_old_phone"
	default:
		return ""
	}
}

func verdict(status int) error {
	cause := fmt.Errorf("the endpoint answers status %d", status)
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusUnprocessableEntity:
		return fault.InvalidField("phone", "refused").Because(cause)
	case status == http.StatusTooManyRequests:
		return user.ErrRateLimited.Because(cause)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound:
		return user.ErrSMSUnavailable.Because(fmt.Errorf("%w: %w", user.ErrSMSAccount, cause))
	default:
		return user.ErrSMSUnavailable.Because(cause)
	}
}

// withoutURL drops the part of an error that may hold a token.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
