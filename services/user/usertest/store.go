// SPDX-License-Identifier: Apache-2.0

// Package usertest holds what tests of accounts need: fakes of all ports, a fixture and the suite that
// every store has to pass.
package usertest

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

// Storage is all storage ports together.
type Storage interface {
	user.Accounts
	user.Names
	user.Records
	user.Audit
	user.Staff
	user.Sessions
	user.EndedSessions
	user.Attempts
	user.Codes
	user.Quotas
}

// Store keeps everything in memory. Every method is one critical section, as a transaction is.
type Store struct {
	mu       sync.Mutex // guards all below
	down     error
	calls    int
	accounts map[ids.UserID]stored
	retired  map[string]retired
	audit    []user.AuditEntry
	link     *user.Link
	codes    map[ids.CodeRequestID]user.Code
	uses     map[user.AttemptKey][]int64 // ms, in any order
	sessions map[ids.LoginSessionID]user.LoginSession
	attempts map[user.AttemptKey]user.Attempt
	events   []user.Updated
}

// stored is an account and the key of its nickname.
type stored struct {
	user.Record

	NicknameKey []byte
	NameRev     int64
}

// retired is a username that an account gave up.
type retired struct {
	owner ids.UserID
	until int64
}

// NewStore makes an empty store.
func NewStore() *Store {
	return &Store{
		accounts: map[ids.UserID]stored{},
		retired:  map[string]retired{},
		codes:    map[ids.CodeRequestID]user.Code{},
		uses:     map[user.AttemptKey][]int64{},
		sessions: map[ids.LoginSessionID]user.LoginSession{},
		attempts: map[user.AttemptKey]user.Attempt{},
	}
}

// Fail makes every call answer err, until nil is set.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

// Calls is how many calls there were.
func (s *Store) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Events are those that were written, but for new accounts.
func (s *Store) Events() []user.Updated {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.events), func(e user.Updated) bool { return e.Created })
}

// enter locks and answers what every call fails with.
func (s *Store) enter() error {
	s.mu.Lock()
	s.calls++
	return s.down
}

// Create stores an account.
func (s *Store) Create(_ context.Context, a user.NewAccount, session user.LoginSession) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	if s.taken(a.Account, a.Account.CreatedAt) {
		return user.ErrUsernameTaken
	}
	if s.phoneTaken(a.Phone, a.Account.ID) {
		return user.ErrPhoneTaken
	}
	record := user.Record{Credentials: a.Credentials, Phone: a.Phone}
	s.accounts[a.Account.ID] = stored{Record: record, NicknameKey: a.NicknameKey}
	s.sessions[session.ID] = session
	if a.Event != nil {
		s.events = append(s.events, *a.Event)
	}
	return nil
}

// taken needs mu.
func (s *Store) taken(a user.Account, now int64) bool {
	for _, other := range s.accounts {
		if other.Account.Username == a.Username && other.Account.ID != a.ID && !other.Account.Deleted {
			return true
		}
	}
	r, ok := s.retired[a.Username]
	return ok && r.owner != a.ID && r.until > now
}

// ByUsername finds an account.
func (s *Store) ByUsername(_ context.Context, username string) (user.Record, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return user.Record{}, err
	}
	for _, a := range s.accounts {
		if a.Account.Username == username && !a.Account.Deleted {
			return a.Record, nil
		}
	}
	return user.Record{}, user.ErrNotFound
}

// ByIDs finds accounts.
func (s *Store) ByIDs(_ context.Context, users []ids.UserID) ([]user.Account, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var found []user.Account
	for id, a := range s.accounts {
		if slices.Contains(users, id) {
			found = append(found, a.Account)
		}
	}
	return found, nil
}

// ReplacePasswordHash changes a hash.
func (s *Store) ReplacePasswordHash(_ context.Context, id ids.UserID, old, hash string) error {
	err := s.enter()
	defer s.mu.Unlock()
	if a, ok := s.accounts[id]; err == nil && ok && a.PasswordHash == old {
		a.PasswordHash = hash
		s.accounts[id] = a
	}
	return err
}

// SearchByNickname scans all accounts.
func (s *Store) SearchByNickname(_ context.Context, q user.NameQuery) ([]user.Found, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var found []user.Found
	for id, a := range s.accounts {
		f := user.Found{Account: a.Account, Place: user.NameCursor{Key: a.NicknameKey, ID: id}}
		if bytes.HasPrefix(a.NicknameKey, q.Prefix) && comparePlaces(f.Place, q.After) > 0 {
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b user.Found) int { return comparePlaces(a.Place, b.Place) })
	return found[:min(len(found), q.Limit)], nil
}

func comparePlaces(a, b user.NameCursor) int {
	return cmp.Or(bytes.Compare(a.Key, b.Key), a.ID.Compare(b.ID))
}

// Open stores a login session.
func (s *Store) Open(
	_ context.Context, session user.LoginSession, rev int64, decide func(int64, []user.LoginSession) (user.Opening, error),
) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	a, ok := s.accounts[session.UserID]
	if !ok || a.Account.Deleted || a.Rev != rev {
		return user.ErrNotFound
	}
	opening, err := decide(a.SuspendedUntil, s.live(session.UserID))
	if err != nil {
		return err
	}
	s.end(opening.Endings, session.CreatedAt)
	if opening.Audit != nil {
		s.audit = append(s.audit, *opening.Audit)
	}
	s.sessions[session.ID] = session
	return nil
}

// end needs mu.
func (s *Store) end(endings []user.Ending, at int64) {
	for _, e := range endings {
		ended := s.sessions[e.ID]
		ended.EndedAt, ended.EndReason = at, e.Reason
		s.sessions[e.ID] = ended
	}
}

// live needs mu.
func (s *Store) live(owner ids.UserID) []user.LoginSession {
	var list []user.LoginSession
	for _, l := range s.sessions {
		if l.UserID == owner && l.EndedAt == 0 {
			list = append(list, l)
		}
	}
	return list
}

// ByToken finds a login session.
func (s *Store) ByToken(_ context.Context, hash user.TokenHash) (user.LoginSession, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return user.LoginSession{}, err
	}
	for _, l := range s.sessions {
		if l.TokenHash == hash {
			return l, nil
		}
	}
	return user.LoginSession{}, user.ErrNotFound
}

// Touch moves the last use.
func (s *Store) Touch(_ context.Context, id ids.LoginSessionID, at int64) error {
	err := s.enter()
	defer s.mu.Unlock()
	if l, ok := s.sessions[id]; err == nil && ok && l.EndedAt == 0 && l.LastUsedAt < at {
		l.LastUsedAt = at
		s.sessions[id] = l
	}
	return err
}

// End ends a login session.
func (s *Store) End(_ context.Context, owner ids.UserID, id ids.LoginSessionID, reason user.EndReason, at int64) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	l, ok := s.sessions[id]
	if !ok || l.UserID != owner || l.EndedAt != 0 {
		return user.ErrNotFound
	}
	l.EndedAt, l.EndReason = at, reason
	s.sessions[id] = l
	return nil
}

// List answers live login sessions.
func (s *Store) List(_ context.Context, owner ids.UserID) ([]user.LoginSession, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return s.live(owner), nil
}

// KnowsDevice looks at all login sessions.
func (s *Store) KnowsDevice(_ context.Context, owner ids.UserID, device ids.DeviceID) (bool, error) {
	err := s.enter()
	defer s.mu.Unlock()
	for _, l := range s.sessions {
		if err == nil && l.UserID == owner && l.Device.ID == device {
			return true, nil
		}
	}
	return false, err
}

// EndedSince answers ended login sessions.
func (s *Store) EndedSince(_ context.Context, at int64, limit int) ([]user.Revocation, error) {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var list []user.Revocation
	for _, l := range s.sessions {
		if l.EndedAt > 0 && l.EndedAt >= at {
			list = append(list, user.Revocation{SessionID: l.ID, UserID: l.UserID, Reason: l.EndReason, At: l.EndedAt})
		}
	}
	slices.SortFunc(list, func(a, b user.Revocation) int { return cmp.Compare(b.At, a.At) })
	return list[:min(len(list), limit)], nil
}

// ForgetEnded removes old login sessions.
func (s *Store) ForgetEnded(_ context.Context, endedBefore, createdBefore int64, limit int) (int, error) {
	err := s.enter()
	defer s.mu.Unlock()
	n := 0
	for id, l := range maps.Clone(s.sessions) {
		old := l.EndedAt > 0 && l.EndedAt < endedBefore || l.CreatedAt < createdBefore
		if err == nil && old && n < limit {
			delete(s.sessions, id)
			n++
		}
	}
	return n, err
}

// Charge changes counters.
func (s *Store) Charge(_ context.Context, keys []user.AttemptKey, decide func([]user.Attempt) ([]user.Attempt, error)) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	counters := make([]user.Attempt, len(keys))
	for i, key := range keys {
		counters[i] = s.attempts[key]
		counters[i].Key = key
	}
	counters, err = decide(counters)
	if err != nil {
		return err
	}
	for _, c := range counters {
		s.attempts[c.Key] = c
	}
	return nil
}

// Clear removes a counter.
func (s *Store) Clear(_ context.Context, key user.AttemptKey) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.attempts, key)
	}
	return err
}

// ForgetAttempts removes old counters.
func (s *Store) ForgetAttempts(_ context.Context, before int64, limit int) (int, error) {
	err := s.enter()
	defer s.mu.Unlock()
	n := 0
	for key, a := range maps.Clone(s.attempts) {
		if err == nil && a.ChargedAt < before && n < limit {
			delete(s.attempts, key)
			n++
		}
	}
	return n, err
}
