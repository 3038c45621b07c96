// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	_ "github.com/go-sql-driver/mysql" // the driver that asks whether it is up
)

// MariaDBOptions choose how a server runs; the zero value is durable.
type MariaDBOptions struct {
	// Relaxed drops the flush at each commit and the binary log: faster, and no test of durability.
	Relaxed bool
	// Port to listen on; by default a free one.
	Port int
	// Args are more options of mariadbd.
	Args []string
}

// MariaDB is a server with an open root account and no schema.
type MariaDB struct {
	dir     string
	port    int
	options MariaDBOptions
	proc    *process
}

// StartMariaDB makes a data folder in dir, which must exist, unless there is one from an earlier run, and
// starts a server on it. It returns when the server answers.
func StartMariaDB(ctx context.Context, dir string, o MariaDBOptions) (*MariaDB, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if o.Port == 0 {
		if o.Port, err = FreePort(ctx); err != nil {
			return nil, err
		}
	}
	m := &MariaDB{dir: dir, port: o.Port, options: o}
	if err := os.MkdirAll(m.temporary(), 0o700); err != nil {
		return nil, err
	}
	if _, missing := os.Stat(filepath.Join(m.data(), "mysql")); missing != nil {
		err = m.install(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := m.Restart(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *MariaDB) install(ctx context.Context) error {
	return run(ctx, m.environ(), "mariadb-install-db", "--no-defaults", "--user="+currentUser(), "--datadir="+m.data(),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
}

// DSN is "mysql://root@127.0.0.1:<port>/"; add a schema.
func (m *MariaDB) DSN() string { return fmt.Sprintf("mysql://root@127.0.0.1:%d/", m.port) }

// Addr is "127.0.0.1:<port>", for proxies.
func (m *MariaDB) Addr() string { return "127.0.0.1:" + strconv.Itoa(m.port) }

// PID of the server, for signals.
func (m *MariaDB) PID() int { return m.proc.cmd.Process.Pid }

// Kill is SIGKILL; the data stay. It returns when the process is gone.
func (m *MariaDB) Kill() { m.proc.kill() }

// Stop shuts the server down, if it runs.
func (m *MariaDB) Stop() {
	if m.proc != nil {
		m.proc.stop()
	}
}

// Restart stops the server if it runs and starts it on the same port and data.
func (m *MariaDB) Restart(ctx context.Context) error {
	m.Stop()
	p, err := start(ctx, m.log(), m.environ(), "mariadbd", m.args()...)
	if err != nil {
		return err
	}
	m.proc = p
	if err := p.ready(ctx, m.log(), m.ping); err != nil {
		p.kill()
		return err
	}
	return nil
}

func (m *MariaDB) data() string { return filepath.Join(m.dir, "data") }

// environ gives the server a temporary folder of its own: a server that starts deletes what looks like a
// temporary table there, also that of another server.
func (m *MariaDB) environ() []string { return append(os.Environ(), "TMPDIR="+m.temporary()) }
func (m *MariaDB) temporary() string { return filepath.Join(m.dir, "tmp") }

func (m *MariaDB) log() string { return filepath.Join(m.dir, "mariadbd.log") }

func (m *MariaDB) args() []string {
	args := []string{
		"--no-defaults", "--user=" + currentUser(), "--datadir=" + m.data(), "--port=" + strconv.Itoa(m.port),
		"--bind-address=127.0.0.1", "--socket=s", // in the data folder: a path of a socket is at most 107 bytes
		"--pid-file=" + filepath.Join(m.dir, "pid"),
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci", "--skip-name-resolve",
		"--innodb-buffer-pool-size=64M", "--max-connections=500", "--performance-schema=OFF",
	}
	if m.options.Relaxed {
		args = append(args, "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0", "--skip-log-bin")
	} else {
		args = append(args, "--innodb-flush-log-at-trx-commit=1", "--log-bin", "--sync-binlog=1", "--server-id=1")
	}
	return append(args, m.options.Args...)
}

func (m *MariaDB) ping(ctx context.Context) error {
	db, err := sql.Open("mysql", fmt.Sprintf("root@tcp(%s)/?timeout=1s", m.Addr()))
	if err != nil {
		return err
	}
	return errors.Join(db.PingContext(ctx), db.Close())
}

// currentUser is whom the server runs as: it refuses root unless told so.
func currentUser() string {
	if os.Geteuid() == 0 {
		return "root"
	}
	return os.Getenv("USER")
}
