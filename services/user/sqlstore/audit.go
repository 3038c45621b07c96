// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"strings"

	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user"
)

const auditColumns = "id, created_at, actor_id, action, target_id, reason, detail, client_address, request_id"

// insertAudit is the only statement of the product that touches the audit log, but for those that read it. Ids
// go in as bytes: the zero id is one too.
func insertAudit(ctx context.Context, tx *sqldb.Tx, e user.AuditEntry) error {
	_, err := tx.Exec(ctx, "INSERT INTO audit_entries ("+auditColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		e.ID[:], e.At, e.Actor[:], []byte(e.Action), e.Target[:], []byte(e.Reason), []byte(e.Detail), []byte(e.Address),
		[]byte(e.RequestID))
	return err
}

// Note is a transaction with one statement.
func (s *Store) Note(ctx context.Context, e user.AuditEntry) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sqldb.Tx) error { return insertAudit(ctx, tx, e) })
	return wrap("write audit entry", err)
}

// auditRow is an entry as it is stored.
type auditRow struct {
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

func (r auditRow) entry() user.AuditEntry {
	e := user.AuditEntry{
		At: r.At, Action: r.Action, Reason: r.Reason, Detail: r.Detail,
		Origin: user.Origin{Address: r.Address, RequestID: r.RequestID},
	}
	copy(e.ID[:], r.ID)
	copy(e.Actor[:], r.Actor)
	copy(e.Target[:], r.Target)
	return e
}

// Entries reads one of the indexes of the log from its end.
func (s *Store) Entries(ctx context.Context, q user.AuditQuery) ([]user.AuditEntry, error) {
	where, args := auditConditions(q)
	query := "SELECT " + auditColumns + " FROM audit_entries" + where + " ORDER BY created_at DESC, id DESC LIMIT ?"
	var rows []auditRow
	if err := s.db.Select(ctx, &rows, query, append(args, q.Limit)...); err != nil {
		return nil, wrap("read audit log", err)
	}
	entries := make([]user.AuditEntry, len(rows))
	for i, r := range rows {
		entries[i] = r.entry()
	}
	return entries, nil
}

func auditConditions(q user.AuditQuery) (where string, args []any) {
	var conditions []string
	add := func(condition string, values ...any) {
		conditions = append(conditions, condition)
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
	if q.After != (user.AuditPlace{}) {
		add("created_at <= ? AND (created_at < ? OR id < ?)", q.After.At, q.After.At, q.After.ID)
	}
	if len(conditions) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(conditions, " AND "), args
}
