// SPDX-License-Identifier: Apache-2.0

// Package aliyunsms sends codes through the short message service of Alibaba Cloud.
//
// A message counts as taken only if the answer says OK. The call is not idempotent and is made once: after
// a time-out the message may have gone out. An error never holds the URL, which names number and code.
package aliyunsms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/user"
)

// maxAnswer bounds what is read of an answer; a real one has 200 bytes.
const maxAnswer = 64 << 10

// Options of an account. All fields but those of numbers abroad are required.
type Options struct {
	// Endpoint is "https://dysmsapi.aliyuncs.com" or that of another region.
	Endpoint        string
	AccessKeyID     string
	AccessKeySecret secret.String
	// SignName and TemplateCode are approved by the vendor; the template has the variable "code".
	SignName, TemplateCode string
	// TemplateCodeAbroad is for numbers outside of mainland China; empty: TemplateCode.
	TemplateCodeAbroad string
	// Client bounds connecting and reading.
	Client *http.Client
	Now    func() time.Time
}

// SMS implements user.SMS.
type SMS struct{ o Options }

// New makes a provider; it calls nobody.
func New(o Options) SMS { return SMS{o} }

// Endpoint of a region.
func Endpoint(region string) string {
	if region == "" || strings.HasPrefix(region, "cn-") {
		return "https://dysmsapi.aliyuncs.com"
	}
	return "https://dysmsapi." + region + ".aliyuncs.com"
}

// Send makes one call.
func (s SMS) Send(ctx context.Context, m user.CodeMessage) error {
	request, err := s.request(ctx, m)
	if err != nil {
		return err
	}
	response, err := s.o.Client.Do(request)
	if err != nil {
		return user.ErrSMSUnavailable.Because(withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return user.ErrSMSUnavailable.Because(withoutURL(err))
	}
	var answer struct{ Code, RequestId string } //nolint:revive // the vendor's spelling
	if err := json.Unmarshal(body, &answer); err != nil {
		return user.ErrSMSUnavailable.Because(fmt.Errorf("status %d, and an answer that is no JSON", response.StatusCode))
	}
	return verdict(answer.Code, answer.RequestId)
}

func (s SMS) request(ctx context.Context, m user.CodeMessage) (*http.Request, error) {
	parameters, err := json.Marshal(map[string]string{"code": m.Digits.Reveal()})
	if err != nil {
		return nil, fmt.Errorf("encode the parameter of the template: %w", err)
	}
	query := canonicalQuery(map[string]string{
		"PhoneNumbers": phoneNumbers(m.Number), "SignName": s.o.SignName, "TemplateCode": s.template(m.Number),
		"TemplateParam": string(parameters), "OutId": m.ID.String(),
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.o.Endpoint+"/?"+query, http.NoBody)
	if err != nil {
		return nil, user.ErrSMSUnavailable.Because(withoutURL(err))
	}
	request.Header.Set("Accept", "application/json")
	sign(request, call{
		action: "SendSms", version: "2017-05-25", nonce: ids.NewEvent().String(), at: s.o.Now(),
	}, s.o.AccessKeyID, s.o.AccessKeySecret.Reveal())
	return request, nil
}

func (s SMS) template(n user.Number) string {
	if n.Country != "CN" && s.o.TemplateCodeAbroad != "" {
		return s.o.TemplateCodeAbroad
	}
	return s.o.TemplateCode
}

// phoneNumbers is the vendor's form: numbers of mainland China without country code, others with it, and
// none with a plus.
func phoneNumbers(n user.Number) string {
	if n.Country == "CN" {
		return strings.TrimPrefix(n.Phone.Reveal(), "+86")
	}
	return strings.TrimPrefix(n.Phone.Reveal(), "+")
}

// verdict maps the vendor's code. A request id lets the vendor find the call; it names nobody.
func verdict(code, requestID string) error {
	cause := fmt.Errorf("aliyun answers %.64q, request %.64q", code, requestID)
	switch code {
	case "OK":
		return nil
	case "isv.BUSINESS_LIMIT_CONTROL":
		return user.ErrRateLimited.Because(cause)
	case "isv.MOBILE_NUMBER_ILLEGAL":
		return fault.InvalidField("phone", "refused").Because(cause)
	case "isp.SYSTEM_ERROR", "":
		return user.ErrSMSUnavailable.Because(cause)
	}
	if strings.HasPrefix(code, "Throttling") {
		return user.ErrSMSUnavailable.Because(cause)
	}
	// Sign name, template, account, balance, key: all others are for the operator.
	return user.ErrSMSUnavailable.Because(fmt.Errorf("%w: %w", user.ErrSMSAccount, cause))
}

// withoutURL drops the part of an error that names number and code.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
