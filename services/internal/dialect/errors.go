// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"errors"
	"slices"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Error numbers of MySQL and MariaDB that something here depends on.
const (
	mysqlTableExists     = 1050
	mysqlColumnExists    = 1060
	mysqlIndexExists     = 1061
	mysqlDuplicate       = 1062
	mysqlNoSuchTable     = 1146
	mysqlLockWaitTimeout = 1205
	mysqlDeadlock        = 1213
)

// mysqlTrouble are answers that say nothing about the statement: the server cannot serve now. A
// person or time repairs them.
func mysqlTrouble() []uint16 {
	return []uint16{
		1021, 1026, 1030, 1041, 1114, 1180, // disk full, write error, storage engine, memory, table full, commit
		1037, 1040, 1203, 1226, // no memory, too many connections (server, user)
		1044, 1045, 1049, 1698, // access denied, no such schema: a secret rotates, or nobody migrated yet
		1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1317, 1927, // shutdown, broken link, killed
		1223, 1290, 1792, 1836, // read lock, read-only server
		1969, 3024, // statement took longer than allowed (MariaDB, MySQL)
		3100, 4031, // commit hook of replication, closed for idleness
	}
}

// IsDuplicate tells that a row with the same unique key is there already.
func IsDuplicate(err error) bool {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number == mysqlDuplicate
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
	}
	return false
}

// IsAlreadyThere tells that a table, column or index of this name exists. It is for MySQL, where a change
// of the schema cannot be rolled back.
func IsAlreadyThere(err error) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && (e.Number == mysqlTableExists || e.Number == mysqlColumnExists || e.Number == mysqlIndexExists)
}

// IsUnmigrated tells that a table is missing: the schema is there, but nobody has migrated it yet. It is for
// MySQL; a file of SQLite is migrated by the process that opens it.
func IsUnmigrated(err error) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && e.Number == mysqlNoSuchTable
}

// IsLockConflict tells that two transactions stood in each other's way: this one has lost, was or must
// be rolled back, and may be run again.
func IsLockConflict(err error) bool {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number == mysqlDeadlock || e.Number == mysqlLockWaitTimeout
	}
	code, ok := sqliteCode(err)
	return ok && (code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED)
}

// IsLockTimeout tells the lock conflict that has cost a wait already.
func IsLockTimeout(err error) bool {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return e.Number == mysqlLockWaitTimeout
	}
	code, ok := sqliteCode(err)
	return ok && code == sqlite3.SQLITE_BUSY
}

// IsServerTrouble tells that the database answered, but cannot serve: full disk, read-only, shutting
// down, too many connections. Broken connections are not errors of the database; sqldb knows those.
func IsServerTrouble(err error) bool {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return slices.Contains(mysqlTrouble(), e.Number)
	}
	code, ok := sqliteCode(err)
	if !ok {
		return false
	}
	switch code {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB,
		sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_PROTOCOL:
		return true
	}
	return false
}

// sqliteCode is the primary result code, without the extension in the upper bytes.
func sqliteCode(err error) (int, bool) {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return 0, false
	}
	return e.Code() & 0xff, true
}
