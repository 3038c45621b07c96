// SPDX-License-Identifier: Apache-2.0

package sqldb

import (
	"context"
	"errors"
	"slices"

	"github.com/go-sql-driver/mysql"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/dialect"
)

// Class asks the database how it fares; empty for SQLite, which is nobody else's.
func (db *DB) Class(ctx context.Context) component.Class {
	if db.Dialect() == dialect.SQLite {
		return ""
	}
	return ClassOf(db.Ping(ctx))
}

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
	if certificate.IsRefusal(err) || errors.Is(err, mysql.ErrNoTLS) {
		return component.ClassTLSFailed
	}
	if isConnectionTrouble(err) {
		return component.ClassUnreachable
	}
	return component.ClassReachable
}

// refusals of a user: no access to a schema, wrong password, host not allowed, no such command, no TLS.
func refusals() []uint16 { return []uint16{1044, 1045, 1130, 1142, 1227, 1698, 3159} }
