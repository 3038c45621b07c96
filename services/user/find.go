// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/audit"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Find looks for accounts on behalf of somebody with a role.
type Find struct {
	Query    string
	PageSize int    // 0 means 20, at most 50
	Token    string // of the last page; empty for the first
}

// FindPage is one page.
type FindPage struct {
	States []AccountState
	Next   string // empty on the last page
}

// FindAccounts finds by exact username, beginning of the nickname, whole phone number or id, whatever the
// owners of accounts allow others. That somebody looked is noted, what they looked for is not.
func (s *Service) FindAccounts(ctx context.Context, caller Caller, f Find) (FindPage, error) {
	query := strings.TrimSpace(f.Query)
	if n := utf8.RuneCountInString(query); n == 0 || n > maxQuery {
		return FindPage{}, fault.InvalidField("query", "length")
	}
	if err := s.require(ctx, caller, Role.mayFind); err != nil {
		return FindPage{}, err
	}
	found, how, err := s.find(ctx, caller, query, f)
	if err != nil {
		return FindPage{}, err
	}
	if f.Token == "" {
		if err := s.note(ctx, AuditEntry{Actor: caller.UserID, Action: ActionFind, Detail: "by=" + how}); err != nil {
			return FindPage{}, err
		}
	}
	states, err := s.inOrder(ctx, found.Accounts)
	return FindPage{States: states, Next: found.Next}, err
}

func (s *Service) find(ctx context.Context, caller Caller, query string, f Find) (page SearchPage, how string, err error) {
	if id, err := ids.ParseUser("query", query); err == nil {
		found, err := s.Accounts.ByIDs(ctx, []ids.UserID{id})
		return SearchPage{Accounts: found}, "id", err
	}
	if number, err := s.Numbers.Parse(query); err == nil && strings.HasPrefix(query, "+") {
		found, err := s.Records.ByPhone(ctx, number.Phone)
		if errors.Is(err, ErrNotFound) {
			return SearchPage{}, "phone", nil
		}
		return SearchPage{Accounts: []Account{found.Account}}, "phone", err
	}
	scope := "user.find\x00" + caller.UserID.String() + "\x00" + query
	var after place
	if f.Token != "" {
		if err := s.pages.Decode(scope, f.Token, &after); err != nil {
			return SearchPage{}, "", err
		}
	}
	hidden := map[ids.UserID]bool{}
	accounts, err := s.exact(ctx, query, hidden)
	if err != nil {
		return SearchPage{}, "", err
	}
	if f.Token != "" {
		accounts = nil // stood on the first page
	}
	page, err = s.searchNicknames(ctx, accounts, hidden, nameScan{
		scope: scope, prefix: nicknameKey(s.Text, query), after: after.cursor(), size: searchPageSize(f.PageSize),
	})
	return page, "name", err
}

// inOrder answers the states of accounts, in their order.
func (s *Service) inOrder(ctx context.Context, accounts []Account) ([]AccountState, error) {
	order := make([]ids.UserID, len(accounts))
	for i, a := range accounts {
		order[i] = a.ID
	}
	states, err := s.Staff.States(ctx, order)
	slices.SortFunc(states, func(a, b AccountState) int {
		return slices.Index(order, a.Account.ID) - slices.Index(order, b.Account.ID)
	})
	return states, err
}

// require checks the role of somebody who only reads.
func (s *Service) require(ctx context.Context, caller Caller, may func(Role) bool) error {
	role, err := s.Staff.RoleOf(ctx, caller.UserID)
	if err == nil && !may(role) {
		err = fault.ErrForbidden
	}
	return err
}

// AuditPage is one page of the audit log.
type AuditPage struct {
	Entries []AuditEntry
	Next    string // empty on the last page
}

// ReadAudit reads the audit log, newest first. That somebody read it is an entry itself.
func (s *Service) ReadAudit(ctx context.Context, caller Caller, q AuditQuery, token string) (AuditPage, error) {
	if err := s.require(ctx, caller, Role.mayAudit); err != nil {
		return AuditPage{}, err
	}
	scope := "user.audit\x00" + caller.UserID.String()
	if token == "" {
		if err := s.note(ctx, AuditEntry{Actor: caller.UserID, Action: ActionReadAudit}); err != nil {
			return AuditPage{}, err
		}
	} else if err := s.pages.Decode(scope, token, &q.After); err != nil {
		return AuditPage{}, err
	}
	size := audit.PageSize(q.Limit)
	q.Limit = size + 1
	entries, err := s.Audit.Entries(ctx, q)
	if err != nil || len(entries) <= size {
		return AuditPage{Entries: entries}, err
	}
	last := entries[size-1]
	next, err := s.pages.Encode(scope, AuditPlace{At: last.At, ID: last.ID})
	return AuditPage{Entries: entries[:size], Next: next}, err
}
