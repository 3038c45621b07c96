// SPDX-License-Identifier: Apache-2.0

package gatewaytest

import (
	"context"
	"sync"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/fault"
)

// Tokens is gateway.Tokens: it knows the tokens that a test has issued.
type Tokens struct {
	mu     sync.Mutex // guards everything below
	logins map[string]gateway.Login
	stale  bool
	away   bool
	hidden bool
}

// NewTokens knows no token.
func NewTokens() *Tokens { return &Tokens{logins: map[string]gateway.Login{}} }

// Issue makes a token prove a login; another login under the same token replaces it.
func (f *Tokens) Issue(token string, login gateway.Login) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.logins[token] = login
}

// Withdraw makes a token prove nothing any more, and tells nobody.
func (f *Tokens) Withdraw(token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.logins, token)
}

// SetFresh says whether ends of login sessions are known.
func (f *Tokens) SetFresh(fresh bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stale = !fresh
}

// SetAway says that nobody can tell what tokens prove.
func (f *Tokens) SetAway(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
}

// SetReceiptsHidden says whether everybody hides what they read.
func (f *Tokens) SetReceiptsHidden(hidden bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hidden = hidden
}

// ReceiptsHidden is what SetReceiptsHidden said, of tokens that were issued.
func (f *Tokens) ReceiptsHidden(_ context.Context, token string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.logins[token]
	return f.hidden || f.away || !ok
}

// Verify answers an issued token.
func (f *Tokens) Verify(_ context.Context, token string) (gateway.Login, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return gateway.Login{}, fault.ErrUnavailable
	}
	login, ok := f.logins[token]
	if !ok {
		return gateway.Login{}, fault.ErrUnauthenticated
	}
	return login, nil
}

// Fresh is what SetFresh said; true at first.
func (f *Tokens) Fresh() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.stale
}
