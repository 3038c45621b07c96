// SPDX-License-Identifier: Apache-2.0

package sqldb

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/go-sql-driver/mysql"

	"github.com/parley-chat/parley/api/component"
)

// ClassOf sorts the answer of a call into what a dependency is called in status. A statement that the
// server refused for another reason than the user shows that it is reachable.
func ClassOf(err error) component.Class {
	if err == nil {
		return component.ClassReachable
	}
	if refusal, ok := errors.AsType[*mysql.MySQLError](err); ok {
		if slices.Contains(refusals(), refusal.Number) {
			return component.ClassAuthFailed
		}
		return component.ClassReachable
	}
	if isTLS(err) {
		return component.ClassTLSFailed
	}
	if isConnectionTrouble(err) {
		return component.ClassUnreachable
	}
	return component.ClassReachable
}

// refusals of a user: no access to a schema, wrong password, host not allowed, no such command, no TLS.
func refusals() []uint16 { return []uint16{1044, 1045, 1130, 1142, 1227, 1698, 3159} }

func isTLS(err error) bool {
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, header := errors.AsType[tls.RecordHeaderError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, hostname := errors.AsType[x509.HostnameError](err)
	return unverified || alert || header || authority || hostname || errors.Is(err, mysql.ErrNoTLS)
}
