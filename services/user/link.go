// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// linkLife is how long a link for administrators is good.
const linkLife = 24 * time.Hour

// Link makes who claims it an owner, once.
type Link struct {
	Hash      TokenHash
	ExpiresAt int64 // ms
}

// CreateLink keeps a link for administrators, of whose token only the hash is known here; it takes the place of
// all links before. Only the platform calls it: there is no call of clients that does.
func (s *Service) CreateLink(ctx context.Context, hash TokenHash) error {
	now := s.millis()
	link := Link{Hash: hash, ExpiresAt: now + linkLife.Milliseconds()}
	entry := s.entry(ctx, AuditEntry{At: now, Action: ActionCreateLink, Detail: untilDetail(link.ExpiresAt)})
	return s.Staff.KeepLink(ctx, link, entry)
}

// ClaimLink makes the caller an owner. Every way to be wrong gives one answer.
func (s *Service) ClaimLink(ctx context.Context, caller Caller, token string) (Record, error) {
	hash := TokenHash(sha256.Sum256([]byte(token)))
	var result Record
	act := Act{Actor: caller, Target: caller.UserID, Link: &hash}
	err := s.act(ctx, act, func(before Role, scene Scene, now int64) (*Rewriting, error) {
		if scene.Link == nil || scene.Link.ExpiresAt <= now {
			return nil, ErrLinkInvalid
		}
		result = scene.Target
		result.Role = Owner
		return &Rewriting{
			Record: result, At: now,
			Audit: s.audited(ctx, caller, caller.UserID, AuditEntry{
				At: now, Action: ActionClaimLink, Detail: "from=" + before.String() + " to=" + Owner.String(),
			}),
		}, nil
	})
	if errors.Is(err, ErrLinkInvalid) {
		s.NoteDenied(ctx, caller.UserID, "/parley.user.v1.AdminService/ClaimAdministrator")
	}
	return result, err
}
