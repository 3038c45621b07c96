// SPDX-License-Identifier: Apache-2.0

package friend

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// maxRemark is the length of a remark in code points, that of a nickname.
const maxRemark = 32

// Remark is the name that one person gives a friend. Only the owner sees it.
type Remark struct {
	Owner, Friend ids.UserID
	Text          string // empty for none
}

// checked trims the text and applies the rules that need no state.
func (r Remark) checked() (Remark, error) {
	r.Text = strings.TrimSpace(r.Text)
	switch {
	case utf8.RuneCountInString(r.Text) > maxRemark:
		return r, fault.InvalidField("remark", "length")
	case strings.ContainsFunc(r.Text, func(c rune) bool { return c == '\n' || isControl(c) }):
		return r, fault.InvalidField("remark", "characters")
	default:
		return r, nil
	}
}

// SetRemark keeps a remark about a friend and answers it as it was stored; ErrNotFriends.
func (s *Service) SetRemark(ctx context.Context, r Remark) (string, error) {
	r, err := r.checked()
	if err != nil {
		return "", err
	}
	if r.Owner == r.Friend {
		return "", ErrNotFriends
	}
	now := s.millis()
	_, err = s.update(ctx, Query{Pair: PairOf(r.Owner, r.Friend), Owner: r.Owner}, func(snapshot Snapshot) (Change, error) {
		return decideRemark(snapshot, r, now)
	})
	return r.Text, err
}
