// SPDX-License-Identifier: Apache-2.0

package user

import (
	"cmp"
	"slices"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Lives of login sessions; they are part of the product, not settings.
const (
	maxDevices   = 10
	idleLife     = 30 * 24 * time.Hour
	absoluteLife = 90 * 24 * time.Hour
	touchAfter   = 5 * time.Minute     // last_used_at is exact to this
	keepEnded    = 30 * 24 * time.Hour // so long a dead token still hears why
)

// EndReason says why a login session ended. The numbers are stored.
type EndReason int

// The reasons.
const (
	NotEnded  EndReason = iota
	Revoked             // logged out, or ended from another device
	Replaced            // a newer login of the device, or one device too many
	Expired             // not used for 30 days, or 90 days old
	Suspended           // by an administrator
	Deleted             // with the account
)

// why is the reason in the words of ErrSessionEnded.
func (r EndReason) why() string {
	switch r {
	case Revoked:
		return WhyRevoked
	case Replaced:
		return WhyReplaced
	case Expired:
		return WhyExpired
	case Suspended:
		return WhySuspended
	case Deleted:
		return WhyDeleted
	case NotEnded:
		return WhyUnknown
	default:
		return WhyUnknown
	}
}

// Device is one installed client as it calls itself.
type Device struct {
	ID      ids.DeviceID
	Name    string // may be empty
	Address string // from which it logged in; empty if unknown
}

// LoginSession is what a token proves. Times are ms.
type LoginSession struct {
	ID         ids.LoginSessionID
	UserID     ids.UserID
	Device     Device
	TokenHash  TokenHash
	CreatedAt  int64
	LastUsedAt int64 // exact to five minutes
	EndedAt    int64 // 0 while it lives; an expiry is written late or never
	EndReason  EndReason
}

// ExpiresAt is when the session ends if it is not used again, ms.
func (s LoginSession) ExpiresAt() int64 {
	return min(s.LastUsedAt+idleLife.Milliseconds(), s.CreatedAt+absoluteLife.Milliseconds())
}

// endedBy tells why a session is dead at a time, NotEnded if it lives.
func (s LoginSession) endedBy(now int64) EndReason {
	if s.EndedAt != 0 {
		return s.EndReason
	}
	if now >= s.ExpiresAt() {
		return Expired
	}
	return NotEnded
}

// Ending is one login session that has to end.
type Ending struct {
	ID     ids.LoginSessionID
	Reason EndReason
}

// makeRoom says which sessions end when a device logs in: those that expired, earlier ones of the same
// device, and the least recently used ones if there would be more than ten.
func makeRoom(existing []LoginSession, device ids.DeviceID, now int64) []Ending {
	var endings []Ending
	var others []LoginSession
	for _, s := range existing {
		switch {
		case s.endedBy(now) == Expired:
			endings = append(endings, Ending{s.ID, Expired})
		case s.Device.ID == device:
			endings = append(endings, Ending{s.ID, Replaced})
		default:
			others = append(others, s)
		}
	}
	sortByUse(others)
	for _, s := range others[min(len(others), maxDevices-1):] {
		endings = append(endings, Ending{s.ID, Replaced})
	}
	return endings
}

// sortByUse orders by last use, newest first; the login decides between equals.
func sortByUse(sessions []LoginSession) {
	slices.SortFunc(sessions, func(a, b LoginSession) int {
		return cmp.Or(
			cmp.Compare(b.LastUsedAt, a.LastUsedAt),
			cmp.Compare(b.CreatedAt, a.CreatedAt),
			b.ID.Compare(a.ID),
		)
	})
}
