// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

// Keep stores a code.
func (s *Store) Keep(_ context.Context, c user.Code) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err == nil {
		s.codes[c.ID] = c
	}
	return err
}

// Try changes a code.
func (s *Store) Try(_ context.Context, id ids.CodeRequestID, decide func(user.Code) user.Code) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	code, ok := s.codes[id]
	if !ok {
		return user.ErrNotFound
	}
	s.codes[id] = decide(code)
	return nil
}

// Verified counts codes.
func (s *Store) Verified(_ context.Context, block user.AttemptKey, from, until int64) (sent, verified int, err error) {
	err = s.enter()
	defer s.mu.Unlock()
	for _, c := range s.codes {
		if c.Block == block && from <= c.CreatedAt && c.CreatedAt < until {
			sent++
			verified += min(1, int(c.UsedAt))
		}
	}
	return sent, verified, err
}

// ForgetCodes removes old codes.
func (s *Store) ForgetCodes(_ context.Context, before int64, limit int) (int, error) {
	err := s.enter()
	defer s.mu.Unlock()
	n := 0
	for id, c := range maps.Clone(s.codes) {
		if err == nil && c.CreatedAt < before && n < limit {
			delete(s.codes, id)
			n++
		}
	}
	return n, err
}

// Use counts uses.
func (s *Store) Use(_ context.Context, quotas []user.Quota, at int64, decide func([]int64) error) error {
	err := s.enter()
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	nth := make([]int64, len(quotas))
	for i, q := range quotas {
		var inside []int64
		for _, t := range s.uses[q.Scope] {
			if t > at-q.Window.Milliseconds() {
				inside = append(inside, t)
			}
		}
		slices.Sort(inside)
		if len(inside) >= q.Limit {
			nth[i] = inside[len(inside)-q.Limit]
		}
	}
	if err := decide(nth); err != nil {
		return err
	}
	noted := map[user.AttemptKey]bool{}
	for _, q := range quotas {
		if !noted[q.Scope] {
			noted[q.Scope] = true
			s.uses[q.Scope] = append(s.uses[q.Scope], at)
		}
	}
	return nil
}

// ForgetUses removes old uses.
func (s *Store) ForgetUses(_ context.Context, before int64, _ int) (int, error) {
	err := s.enter()
	defer s.mu.Unlock()
	n := 0
	for scope, list := range maps.Clone(s.uses) {
		left := slices.DeleteFunc(slices.Clone(list), func(t int64) bool { return t < before })
		n += len(list) - len(left)
		s.uses[scope] = left
	}
	return n, err
}

// Numbers takes what begins with "+86" and has 13 digits in all, or with "+1".
type Numbers struct{}

// Parse knows two countries.
func (Numbers) Parse(text string) (user.Number, error) {
	switch {
	case strings.HasPrefix(text, "+86") && len(text) == 14:
		return user.Number{Phone: user.PhoneOf(text), Country: "CN"}, nil
	case strings.HasPrefix(text, "+1"):
		return user.Number{Phone: user.PhoneOf(text), Country: "US"}, nil
	default:
		return user.Number{}, fault.InvalidField("phone", "number")
	}
}

// SMS is a provider that keeps what it was given.
type SMS struct {
	mu   sync.Mutex // guards what follows
	fail error
	sent []user.CodeMessage
}

// Fail makes every message be refused with err, until nil is set.
func (p *SMS) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = err
}

// Send keeps a message.
func (p *SMS) Send(_ context.Context, m user.CodeMessage) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	p.sent = append(p.sent, m)
	return nil
}

// Sent are the messages so far.
func (p *SMS) Sent() []user.CodeMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}
