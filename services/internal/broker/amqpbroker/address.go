// SPDX-License-Identifier: Apache-2.0

package amqpbroker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/secret"
)

// errURL never holds the URL, which may hold a password.
var errURL = fmt.Errorf("the AMQP URL must be amqp://user:password@host:port/vhost: %w", broker.ErrInvalid)

// alertText is in the reason of the library's own error where the other side ended TLS: the library keeps
// only the text of what it read.
const alertText = "remote error: tls: "

// Address is a URL of RabbitMQ with what secures the connection.
type Address struct {
	// URL without the parameters of TLS.
	URL secret.String
	// TLS is nil where the library decides: the URL then names its files in the library's parameters.
	TLS *tls.Config
}

// ParseAddress reads a URL, and the files that it names.
func ParseAddress(text secret.String) (Address, error) {
	if _, err := amqp.ParseURI(text.Reveal()); err != nil {
		return Address{}, errURL
	}
	u, err := url.Parse(text.Reveal())
	if err != nil {
		return Address{}, errURL
	}
	options := u.Query()
	config, err := certificate.Take(options).Config(u.Hostname())
	if err != nil {
		return Address{}, fmt.Errorf("TLS to RabbitMQ: %w", err)
	}
	u.RawQuery = options.Encode()
	return Address{URL: secret.New(u.String()), TLS: config}, nil
}

// ClassOf sorts the error of a connection into what a dependency is called in status.
func ClassOf(err error) component.Class {
	refusal, refused := errors.AsType[*amqp.Error](err)
	switch {
	case err == nil:
		return component.ClassReachable
	case refused && (refusal.Code == amqp.AccessRefused || refusal.Code == amqp.NotAllowed):
		return component.ClassAuthFailed
	case certificate.IsRefusal(err), refused && strings.Contains(refusal.Reason, alertText):
		return component.ClassTLSFailed
	case refused && refusal.Code == amqp.PreconditionFailed:
		return component.ClassReachable // it answered, and means what is there
	default:
		return component.ClassUnreachable
	}
}
