// SPDX-License-Identifier: Apache-2.0

package speech

import (
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// maxCounted people a day; beyond it those of the day are counted anew, and only the bound of all holds.
const maxCounted = 200_000

const day = 24 * time.Hour

// budget counts how much speech was read in a day (UTC) by this process.
type budget struct {
	all, each time.Duration // 0: no bound
	now       func() time.Time

	mu    sync.Mutex // guards what follows
	day   time.Time
	used  time.Duration
	users map[ids.UserID]time.Duration
}

// take reserves time; the zero user has no bound of its own.
func (b *budget) take(user ids.UserID, d time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if today := now.UTC().Truncate(day); !today.Equal(b.day) || len(b.users) > maxCounted {
		if !today.Equal(b.day) {
			b.used = 0
		}
		b.day, b.users = today, map[ids.UserID]time.Duration{}
	}
	if b.all > 0 && b.used+d > b.all || !user.IsZero() && b.each > 0 && b.users[user]+d > b.each {
		return ErrQuotaExceeded.After(b.day.Add(day).Sub(now))
	}
	b.add(user, d)
	return nil
}

// giveBack undoes take for what was not read after all.
func (b *budget) giveBack(user ids.UserID, d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(user, -d)
}

func (b *budget) add(user ids.UserID, d time.Duration) {
	b.used = max(b.used+d, 0)
	if !user.IsZero() && b.users != nil {
		b.users[user] = max(b.users[user]+d, 0)
	}
}
