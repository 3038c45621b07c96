// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"context"
	"sync"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

// Pictures is a file service. It is safe for concurrent use.
type Pictures struct {
	mu    sync.Mutex // guards ready
	ready map[user.Avatar]bool
}

// Offer makes pictures ready for a person.
func (p *Pictures) Offer(person ids.UserID, pictures ...ids.FileID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ready == nil {
		p.ready = map[user.Avatar]bool{}
	}
	for _, id := range pictures {
		p.ready[user.Avatar{Person: person, Picture: id}] = true
	}
}

// Cite takes what is ready.
func (p *Pictures) Cite(_ context.Context, person ids.UserID, picture ids.FileID) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ready[user.Avatar{Person: person, Picture: picture}] {
		return user.ErrFileNotReady
	}
	return nil
}
