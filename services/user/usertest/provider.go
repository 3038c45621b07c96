// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"context"
	"net/http"
	"testing"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/provider/providertest"
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
	away := user.ErrSMSUnavailable
	providertest.Suite{
		Call: func(ctx context.Context, t *testing.T, url string) error {
			t.Helper()
			return open(t, url).Send(ctx, NewMessage())
		},
		Rows: map[string]providertest.Row{
			"a message that is taken":         {Answer: good},
			"a failure of the server":         {Answer: providertest.Write(http.StatusInternalServerError, ""), Want: away},
			"garbage with a failure":          {Answer: providertest.Write(http.StatusBadGateway, "<html>\x00\xff"), Want: away},
			"a redirect":                      {Answer: providertest.Redirect(""), Want: away},
			"a connection that breaks":        {Answer: providertest.Raw(""), Want: away},
			"an answer that breaks off":       {Answer: providertest.Raw("HTTP/1.1 500 no\r\nContent-Length: 1000\r\n\r\n{\"Code\":\"O"), Want: away},
			"an answer that never comes":      {Answer: providertest.Silent, Want: away},
			"an answer without an end":        {Answer: providertest.Endless(http.StatusInternalServerError), Want: away},
			"a header that is no HTTP at all": {Answer: providertest.Raw("+OK 12345\r\n\r\n"), Want: away},
			"an answer that comes twice":      {Answer: providertest.Raw(twice), Want: away},
		},
		Fault: away, Away: away, Canaries: []string{CanaryPhone, CanaryPhone[1:], CanaryPhone[3:], CanaryCode},
	}.Run(t)
}

// twice answers once too often: what comes first counts, and nothing waits for the next call.
const twice = "HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\nHTTP/1.1 202 yes\r\nContent-Length: 11\r\n\r\n{\"Code\":\"OK\"}"
