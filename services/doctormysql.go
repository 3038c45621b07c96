// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// variables of a MySQL server that decide what a commit is worth.
type variables struct {
	Version    string `db:"version"`
	FlushLog   int64  `db:"flush_log"`
	SyncBinlog int64  `db:"sync_binlog"`
	LogBin     int64  `db:"log_bin"`
	Format     string `db:"binlog_format"`
	Isolation  string `db:"isolation"`
}

// checkMySQL looks at the server through the first service's schema, then at each schema.
func checkMySQL(ctx context.Context, environ map[string]string, services []string, prefix string) []finding {
	wanted, err := selectDatabases(environ, services, prefix)
	if err != nil {
		return []finding{bad("MySQL", "no address", err.Error())}
	}
	server, err := readVariables(ctx, wanted[0])
	if err != nil {
		return []finding{bad("MySQL reachable", "no", explainMySQL(wanted[0], brief(err)).Error())}
	}
	var findings []finding
	if server.Version != "" {
		findings = append(findings, server.findings()...)
	}
	for _, d := range wanted {
		findings = append(findings, checkSchema(ctx, d))
	}
	return findings
}

// brief keeps only the innermost text of what the driver says.
func brief(err error) error {
	if refusal, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return refusal
	}
	return err
}

// readVariables answers no version for SQLite, which has none of them.
func readVariables(ctx context.Context, d database) (v variables, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	db, err := sqldb.Open(sqldb.Config{DSN: d.dsn})
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if db.Dialect() == dialect.SQLite {
		return v, db.Ping(ctx)
	}
	err = db.Get(ctx, &v, "SELECT VERSION() AS version, @@GLOBAL.innodb_flush_log_at_trx_commit AS flush_log,"+
		" @@GLOBAL.sync_binlog AS sync_binlog, @@GLOBAL.log_bin AS log_bin, @@GLOBAL.binlog_format AS binlog_format")
	if err != nil {
		return v, err
	}
	// MariaDB got the name that MySQL 8 uses in 11.1.
	if db.Get(ctx, &v.Isolation, "SELECT @@SESSION.transaction_isolation") == nil {
		return v, nil
	}
	return v, db.Get(ctx, &v.Isolation, "SELECT @@SESSION.tx_isolation")
}

func (v variables) findings() []finding {
	return []finding{
		good("MySQL reachable", "yes"),
		expect(isSupported(v.Version), "MySQL version", v.Version, "run MySQL 8.0 or MariaDB 10.6, or newer"),
		expect(v.Isolation == "READ-COMMITTED", "isolation of our connections", v.Isolation,
			"a proxy between Parley and MySQL changes it: let sessions set READ COMMITTED"),
		expect(v.LogBin == 0 || v.Format != "STATEMENT", "binlog_format", v.Format,
			"set binlog_format=ROW: READ COMMITTED cannot be replicated by statements"),
		expect(v.FlushLog == 1, "innodb_flush_log_at_trx_commit", strconv.FormatInt(v.FlushLog, 10),
			"set it to 1, else a crash loses acknowledged messages"),
		expect(v.LogBin == 0 || v.SyncBinlog == 1, "sync_binlog", strconv.FormatInt(v.SyncBinlog, 10),
			"set it to 1, else a crash loses acknowledged messages"),
	}
}

var versionNumber = regexp.MustCompile(`^(\d+)\.(\d+)`)

func isSupported(version string) bool {
	found := versionNumber.FindStringSubmatch(version)
	if found == nil {
		return false
	}
	major, _ := strconv.Atoi(found[1])
	minor, _ := strconv.Atoi(found[2])
	if strings.Contains(version, "MariaDB") {
		return major > 10 || major == 10 && minor >= 6
	}
	return major >= 8
}

func checkSchema(ctx context.Context, d database) finding {
	check := "schema of " + string(d.name)
	newest, err := d.newest()
	if err != nil {
		return bad(check, "unknown", err.Error())
	}
	have, err := schemaVersion(ctx, d)
	if err != nil {
		return bad(check, "not readable", explainMySQL(d, brief(err)).Error())
	}
	found := fmt.Sprintf("%s at %d", d.place(), have)
	switch {
	case have == 0:
		return bad(check, d.place()+" is empty", "run parley migrate "+string(d.name))
	case have < newest:
		return bad(check, found, fmt.Sprintf("run parley migrate %s: this program needs %d", d.name, newest))
	default:
		return good(check, found)
	}
}
