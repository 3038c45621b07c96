// SPDX-License-Identifier: Apache-2.0

// Package sqldb opens the database of a service.
//
// MySQL runs READ COMMITTED, SQLite one writer under BEGIN IMMEDIATE beside a pool of readers. Nothing
// here dials before the first statement. Trouble with the server or the way to it becomes
// fault.ErrUnavailable; a caller's own cancelled context stays context.Canceled or
// context.DeadlineExceeded; errors of a transaction's function pass unchanged.
package sqldb
