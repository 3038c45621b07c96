// SPDX-License-Identifier: Apache-2.0

package sqldb

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/go-sql-driver/mysql"
)

// connector prepares each MySQL connection. The driver's own parameters cannot do it: the isolation
// level is the variable tx_isolation on MariaDB and transaction_isolation on MySQL, only the statement
// is the same.
type connector struct{ driver.Connector }

func newConnector(cfg *mysql.Config) (driver.Connector, error) {
	inner, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return connector{inner}, nil
}

// Connect dials and prepares.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", sessionVariables} {
		if err := execOn(ctx, conn, statement); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

func execOn(ctx context.Context, conn driver.Conn, statement string) error {
	execer, ok := conn.(driver.ExecerContext)
	if !ok {
		return driver.ErrSkip
	}
	_, err := execer.ExecContext(ctx, statement, nil)
	return err
}
