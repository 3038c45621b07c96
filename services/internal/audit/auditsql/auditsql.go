// SPDX-License-Identifier: Apache-2.0

// Package auditsql keeps an audit log in the table audit_entries of MySQL or SQLite.
//
// Insert is the only statement of the product that touches an audit log, but for those that read it.
package auditsql

import (
	"context"
	"strings"

	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

const columns = "id, created_at, actor_id, action, target_id, reason, detail, client_address, request_id"

// Insert writes an entry in the transaction of what it tells. Ids go in as bytes: the zero id is one too.
func Insert(ctx context.Context, tx *sqldb.Tx, e audit.Entry) error {
	_, err := tx.Exec(ctx, "INSERT INTO audit_entries ("+columns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		e.ID[:], e.At, e.Actor[:], []byte(e.Action), e.Target[:], []byte(e.Reason), []byte(e.Detail), []byte(e.Address),
		[]byte(e.RequestID))
	return err
}

// Note is a transaction with nothing but an entry.
func Note(ctx context.Context, db *sqldb.DB, e audit.Entry) error {
	return db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error { return Insert(ctx, tx, e) })
}

// row is an entry as it is stored.
type row struct {
	ID        []byte `db:"id"`
	At        int64  `db:"created_at"`
	Actor     []byte `db:"actor_id"`
	Action    string `db:"action"`
	Target    []byte `db:"target_id"`
	Reason    string `db:"reason"`
	Detail    string `db:"detail"`
	Address   string `db:"client_address"`
	RequestID string `db:"request_id"`
}

func (r row) entry() audit.Entry {
	e := audit.Entry{
		At: r.At, Action: r.Action, Reason: r.Reason, Detail: r.Detail,
		Origin: audit.Origin{Address: r.Address, RequestID: r.RequestID},
	}
	copy(e.ID[:], r.ID)
	copy(e.Actor[:], r.Actor)
	copy(e.Target[:], r.Target)
	return e
}

// Entries reads one of the indexes of the log from its end.
func Entries(ctx context.Context, db *sqldb.DB, q audit.Query) ([]audit.Entry, error) {
	where, args := conditions(q)
	query := "SELECT " + columns + " FROM audit_entries" + where + " ORDER BY created_at DESC, id DESC LIMIT ?"
	var rows []row
	if err := db.Select(ctx, &rows, query, append(args, q.Limit)...); err != nil {
		return nil, err
	}
	entries := make([]audit.Entry, len(rows))
	for i, r := range rows {
		entries[i] = r.entry()
	}
	return entries, nil
}

func conditions(q audit.Query) (where string, args []any) {
	var all []string
	add := func(condition string, values ...any) {
		all = append(all, condition)
		args = append(args, values...)
	}
	if !q.Actor.IsZero() {
		add("actor_id = ?", q.Actor)
	}
	if !q.Target.IsZero() {
		add("target_id = ?", q.Target)
	}
	if q.Action != "" {
		add("action = ?", []byte(q.Action))
	}
	if q.From > 0 {
		add("created_at >= ?", q.From)
	}
	if q.Until > 0 {
		add("created_at < ?", q.Until)
	}
	if q.After != (audit.Place{}) {
		add("created_at <= ? AND (created_at < ? OR id < ?)", q.After.At, q.After.At, q.After.ID)
	}
	if len(all) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(all, " AND "), args
}
