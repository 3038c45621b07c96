// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"

	"github.com/parley-chat/parley/services/internal/ids"
)

// maxTyped bounds the conversations of one session whose typing rate is known; chosen.
const maxTyped = 32

// typing tells the other members that somebody types: best effort, straight to their home pods, never
// stored.
func (s *Session) typing(ctx context.Context, re int64, k Typing) {
	if !s.mayType(k) {
		s.hub.stats.typed(TypingTooFast)
		return // dropped without an answer: the next one comes in a few seconds anyway
	}
	s.errandOr(ctx, re, func(ctx context.Context) { s.tellTyping(ctx, re, k) })
}

// typed is what a session told of its typing in one conversation.
type typed struct {
	starts bucket
	told   bool // that somebody types; the end of it has to be told then
}

// typingStopped is the state of who stopped typing.
const typingStopped = 2

// mayType lets one start through per interval and conversation, and after each of those one stop at any
// time: a stop that is dropped would leave somebody typing for seconds.
func (s *Session) mayType(k Typing) bool {
	now := s.hub.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.typed[k.Conversation]
	if t == nil {
		if len(s.typed) >= maxTyped || s.typed == nil {
			s.typed = map[ids.ConversationID]*typed{}
		}
		t = &typed{}
		s.typed[k.Conversation] = t
	}
	ok := t.told
	if k.State != typingStopped {
		_, ok = t.starts.take(now, 1/s.hub.Limits.TypingEvery.Seconds(), 1)
	}
	if ok {
		t.told = k.State != typingStopped
	}
	return ok
}

func (s *Session) tellTyping(ctx context.Context, re int64, k Typing) {
	ctx, cancel := context.WithTimeout(ctx, s.hub.Limits.CallWait)
	defer cancel()
	s.mu.Lock()
	k.User = s.login.User
	s.mu.Unlock()
	r, err := s.hub.Messages.Recipients(ctx, k.Conversation, k.User)
	if err != nil {
		s.refuse(re, err)
		return
	}
	if r.ReadOnly || len(r.Users) > s.hub.Limits.TypingMembers || alone(r.Users, k.User) {
		s.hub.stats.typed(TypingUnused)
		return
	}
	s.hub.stats.typed(TypingTold)
	frame, err := s.hub.Codec.Encode(FormatProto, 0, k)
	if err != nil {
		s.hub.Logger.ErrorContext(ctx, "frame cannot be encoded", "error", err)
		return
	}
	s.hub.publish(Delivery{Frame: frame, Class: ClassEphemeral, Users: r.Users, Except: s.id})
}

// alone tells that nobody else would hear. The message service names only the asking user of a group that
// is too large for this.
func alone(users []ids.UserID, user ids.UserID) bool {
	return len(users) == 0 || len(users) == 1 && users[0] == user
}

// publish brings a delivery to the home pods of its users.
func (h *Hub) publish(d Delivery) {
	view := h.Ring.View()
	byPod := map[string][]ids.UserID{}
	for _, user := range d.Users {
		if home, ok := view.Home(user); ok {
			byPod[home.Pod] = append(byPod[home.Pod], user)
		}
	}
	for pod, users := range byPod {
		part := d
		part.Users = users
		if pod == h.Pod {
			h.Deliver([]Delivery{part}, false)
			continue
		}
		h.Courier.Send(pod, part, false)
	}
}
