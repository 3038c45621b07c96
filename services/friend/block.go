// SPDX-License-Identifier: Apache-2.0

package friend

import (
	"context"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// maxBlocks of one person; part of the product, not a setting.
const maxBlocks = 5000

// Block is one person keeping another away.
type Block struct {
	Owner, Blocked ids.UserID
	Since          int64 // ms
}

// event tells the owner's devices whether the block stands.
func (b Block) event(stands bool, now int64) Event {
	return Event{ID: ids.NewEvent(), Kind: Updated, At: now, Owner: b.Owner, Friend: b.Blocked, Blocked: stands}
}

// BlockedPage is one page of blocks, oldest first.
type BlockedPage struct {
	Blocked []Blocked
	Next    string // empty on the last page
}

// Blocked is a block with the profile of who is kept away.
type Blocked struct {
	Block
	Profile Profile
}

// BlockUser keeps somebody away from the caller and ends their friendship. It answers nil when the
// conversation is closed too, else fault.ErrUnavailable; it may be repeated.
func (s *Service) BlockUser(ctx context.Context, caller, other ids.UserID) error {
	if caller == other {
		return fault.InvalidField("user_id", "self")
	}
	var p people
	p, err := s.ports.Users.Profiles(ctx, []ids.UserID{caller, other})
	if err != nil {
		return err
	}
	if _, ok := p[other]; !ok {
		return ErrUserNotFound
	}
	now := s.millis()
	relation, err := s.update(ctx, Query{Pair: PairOf(caller, other), Owner: caller, Count: true},
		func(snapshot Snapshot) (Change, error) {
			return decideBlock(snapshot, Block{Owner: caller, Blocked: other, Since: now}, p, now)
		})
	if err != nil {
		return err
	}
	return s.closed(ctx, relation)
}

// UnblockUser takes a block back; nothing else comes back with it. It may be repeated.
func (s *Service) UnblockUser(ctx context.Context, caller, other ids.UserID) error {
	// Read first: whoever is not blocked leaves no row behind.
	if known, err := s.ports.Blocks.BlockedAmong(ctx, caller, []ids.UserID{other}); err != nil || len(known) == 0 {
		return err
	}
	now := s.millis()
	_, err := s.update(ctx, Query{Pair: PairOf(caller, other)}, func(snapshot Snapshot) (Change, error) {
		return decideUnblock(snapshot, Block{Owner: caller, Blocked: other}, now), nil
	})
	return err
}

// ListBlocked lists whom the caller blocks. One whose account is gone has an id only.
func (s *Service) ListBlocked(ctx context.Context, caller ids.UserID, size int, token string) (BlockedPage, error) {
	scope := "friend.blocked\x00" + caller.String()
	after, err := s.place(scope, token)
	if err != nil {
		return BlockedPage{}, err
	}
	size = pageSize(size, defaultFriends)
	list, err := s.ports.Blocks.Blocked(ctx, ListQuery{User: caller, After: after, Limit: size + 1})
	if err != nil {
		return BlockedPage{}, err
	}
	var page BlockedPage
	if len(list) > size {
		list = list[:size]
		last := list[size-1]
		if page.Next, err = s.pages.Encode(scope, placeToken{last.Since, last.Blocked.Bytes()}); err != nil {
			return BlockedPage{}, err
		}
	}
	ask := make([]ids.UserID, len(list))
	for i, b := range list {
		ask[i] = b.Blocked
	}
	p, err := s.profiles(ctx, ask)
	if err != nil {
		return BlockedPage{}, err
	}
	for _, b := range list {
		page.Blocked = append(page.Blocked, Blocked{Block: b, Profile: p.of(b.Blocked)})
	}
	return page, nil
}
