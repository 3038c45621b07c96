// SPDX-License-Identifier: Apache-2.0

package user

import "time"

// Role is what somebody may do for the platform. The numbers are stored, and a higher one is not always more.
type Role int

// The roles; those of the wire, but for the member, who has no row.
const (
	Member    Role = 0 // nothing more than everybody
	Auditor   Role = 2 // reads accounts and the audit log
	Moderator Role = 3 // suspends members for a while, removes messages
	Admin     Role = 4 // all but to owners
	Owner     Role = 5 // all
)

// String is the name in details of the audit log.
func (r Role) String() string {
	switch r {
	case Auditor:
		return "auditor"
	case Moderator:
		return "moderator"
	case Admin:
		return "admin"
	case Owner:
		return "owner"
	case Member:
	}
	return "member"
}

// known tells roles from numbers that are none.
func (r Role) known() bool { return r == Member || r >= Auditor && r <= Owner }

// mayFind tells who reads accounts.
func (r Role) mayFind() bool { return r >= Auditor }

// mayAudit tells who reads the audit log.
func (r Role) mayAudit() bool { return r == Auditor || r >= Admin }

// mayTouch tells whom acts of a role may hit.
func (r Role) mayTouch(target Role) bool {
	switch r {
	case Owner:
		return true
	case Admin:
		return target != Owner
	case Moderator:
		return target == Member
	case Member, Auditor:
	}
	return false
}

// maxModeratorBan is how long a moderator may suspend.
const maxModeratorBan = 7 * 24 * time.Hour

// mayDecideUntil tells whether a suspension that ends at a time, ms, is within what a role decides.
func (r Role) mayDecideUntil(until, now int64) bool {
	return r >= Admin || r == Moderator && until <= now+maxModeratorBan.Milliseconds()
}
