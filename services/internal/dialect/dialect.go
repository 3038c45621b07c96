// SPDX-License-Identifier: Apache-2.0

// Package dialect holds what SQL must say differently on MySQL and on SQLite.
//
// Everything else is written once, in the subset that both run. The package knows the lock clause, the
// upsert and the error codes; it opens nothing.
package dialect

import (
	"strings"
)

// Dialect is one of the two databases.
type Dialect int

// The databases. MySQL stands for MariaDB as well.
const (
	MySQL Dialect = iota + 1
	SQLite
)

// String is "mysql" or "sqlite".
func (d Dialect) String() string {
	switch d {
	case MySQL:
		return "mysql"
	case SQLite:
		return "sqlite"
	default:
		return "unknown"
	}
}

// ForUpdate is the clause that locks the rows of a SELECT until the end of the transaction, with its
// leading space. It is empty on SQLite, where a transaction of sqldb is the only writer.
func (d Dialect) ForUpdate() string {
	if d == MySQL {
		return " FOR UPDATE"
	}
	return ""
}

// Upsert is an INSERT of rows × columns placeholders that changes the columns in update where a row
// with the same key is there. Key names the columns of that unique key. With an empty update an
// existing row stays as it is. The arguments are bound row by row, in the order of columns.
func (d Dialect) Upsert(table string, columns, key, update []string, rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES ")
	row := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	b.WriteString(row + strings.Repeat(", "+row, rows-1))
	if d == MySQL {
		b.WriteString(onDuplicateKey(table, key, update))
	} else {
		b.WriteString(onConflict(key, update))
	}
	return b.String()
}

// onDuplicateKey uses VALUES(): MySQL 8 prefers an alias of the row, which MariaDB does not know.
func onDuplicateKey(table string, key, update []string) string {
	if len(update) == 0 {
		return " ON DUPLICATE KEY UPDATE " + key[0] + " = " + table + "." + key[0]
	}
	sets := make([]string, len(update))
	for i, column := range update {
		sets[i] = column + " = VALUES(" + column + ")"
	}
	return " ON DUPLICATE KEY UPDATE " + strings.Join(sets, ", ")
}

func onConflict(key, update []string) string {
	target := " ON CONFLICT (" + strings.Join(key, ", ") + ") DO "
	if len(update) == 0 {
		return target + "NOTHING"
	}
	sets := make([]string, len(update))
	for i, column := range update {
		sets[i] = column + " = excluded." + column
	}
	return target + "UPDATE SET " + strings.Join(sets, ", ")
}
