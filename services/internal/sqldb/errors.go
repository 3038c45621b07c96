// SPDX-License-Identifier: Apache-2.0

package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/go-sql-driver/mysql"

	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/dialect"
	"github.com/parley-chat/parley/services/internal/fault"
)

// errPoolClosed repeats what database/sql says after Close; it exports no sentinel for it.
const errPoolClosed = "sql: database is closed"

// classify sorts an error of the database. Faults and the caller's own end of its context pass; what
// repairs itself or needs an administrator is unavailable; the rest stays as it is.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := fault.Of(err); ok {
		return err
	}
	if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || isTrouble(err)) {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	if isTrouble(err) {
		return fault.ErrUnavailable.Because(err)
	}
	return err
}

func isTrouble(err error) bool {
	return isConnectionTrouble(err) || dialect.IsServerTrouble(err) || dialect.IsLockConflict(err)
}

func isConnectionTrouble(err error) bool {
	for _, sentinel := range []error{
		driver.ErrBadConn, mysql.ErrInvalidConn, mysql.ErrMalformPkt, mysql.ErrPktSync, sql.ErrConnDone, sql.ErrTxDone,
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.DeadlineExceeded, context.Canceled,
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	_, isNet := errors.AsType[net.Error](err)
	return isNet || err.Error() == errPoolClosed || certificate.IsRefusal(err) || errors.Is(err, mysql.ErrNoTLS)
}
