// SPDX-License-Identifier: Apache-2.0

package sqldb

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/secret"
)

// Limits of connections; chosen, no evidence.
const (
	defaultMaxOpenConns = 20
	dialTimeout         = 3 * time.Second
	socketTimeout       = 10 * time.Second // read and write of one packet
	connMaxLifetime     = 5 * time.Minute  // below the idle cut of usual load balancers
	sqliteReaders       = 4
)

// sessionVariables are set on each MySQL connection. Two seconds of lock wait let other conversations
// go on when one writer is frozen inside its transaction.
const sessionVariables = "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'," +
	" innodb_lock_wait_timeout = 2"

// errDSN never holds the DSN, which may hold a password.
var errDSN = errors.New(`the DSN must be "sqlite:<absolute file>" or "mysql://user:password@host:port/schema"`)

// Config of a database.
type Config struct {
	// DSN is "sqlite:<absolute file>" or "mysql://user:password@host:port/schema?tls=…", or the latter in
	// the form of the driver, user:password@tcp(host:port)/schema.
	DSN secret.String
	// MaxOpenConns to MySQL at once; 0 means 20. SQLite ignores it.
	MaxOpenConns int
}

// source is a parsed DSN.
type source struct {
	dialect dialect.Dialect
	file    string        // SQLite
	mysql   *mysql.Config // MySQL
}

func parseDSN(dsn string) (source, error) {
	if file, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		if !filepath.IsAbs(file) {
			return source{}, errDSN
		}
		return source{dialect: dialect.SQLite, file: file}, nil
	}
	cfg, err := parseMySQL(dsn)
	if err != nil {
		return source{}, err
	}
	cfg.InterpolateParams = true
	cfg.ClientFoundRows = true
	cfg.ParseTime = true // of goose's own table
	cfg.MultiStatements = false
	cfg.Collation = "utf8mb4_bin"
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = dialTimeout, socketTimeout, socketTimeout
	cfg.Logger = &mysql.NopLogger{}
	return source{dialect: dialect.MySQL, mysql: cfg}, nil
}

func parseMySQL(dsn string) (*mysql.Config, error) {
	if !strings.HasPrefix(dsn, "mysql://") {
		cfg, err := mysql.ParseDSN(dsn)
		if err != nil || dsn == "" {
			return nil, errDSN
		}
		return cfg, nil
	}
	u, err := url.Parse(dsn)
	if err != nil || u.Host == "" {
		return nil, errDSN
	}
	options, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errDSN
	}
	files := certificate.Take(options)
	cfg := mysql.NewConfig()
	if len(options) > 0 { // options such as tls= are the driver's
		if cfg, err = mysql.ParseDSN("/?" + options.Encode()); err != nil {
			return nil, errDSN
		}
	}
	if cfg.TLS, err = files.Config(u.Hostname()); err != nil {
		return nil, fmt.Errorf("TLS to MySQL: %w", err)
	}
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.Net, cfg.Addr = "tcp", u.Host
	if u.Port() == "" {
		cfg.Addr = fmt.Sprintf("%s:3306", u.Host)
	}
	cfg.DBName = strings.TrimPrefix(u.Path, "/")
	return cfg, nil
}

// sqliteURI names the file with what each connection must set; writers lock at BEGIN.
func sqliteURI(file string, readOnly bool) string {
	options := url.Values{}
	options.Add("_pragma", "busy_timeout(2000)")
	options.Add("_pragma", "journal_mode(WAL)")
	options.Add("_pragma", "synchronous(FULL)")
	options.Add("_pragma", "foreign_keys(ON)")
	if readOnly {
		options.Add("_pragma", "query_only(ON)")
	} else {
		options.Add("_txlock", "immediate")
	}
	return "file://" + (&url.URL{Path: file}).EscapedPath() + "?" + options.Encode()
}
