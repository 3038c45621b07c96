// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"time"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// claim is a cursor that may be kept once everything it announced was told.
type claim struct {
	cursor string
	needs  map[*conversation]need
}

// need is how far a conversation must be.
type need struct{ seq, rev, hidden int64 }

func (n need) met(c *conversation) bool {
	return c.local >= n.seq && (!c.known || c.rev >= n.rev && c.hidden >= n.hidden)
}

// announce notes what a new cursor stands for. It stands for what the one before it announced too.
func (e *engine) announce(cursor string, heads []*messagev1.Head) {
	if e.claim == nil {
		e.claim = &claim{needs: map[*conversation]need{}}
	}
	e.claim.cursor = cursor
	for _, h := range heads {
		c := e.conversation(h.GetConversationId())
		n := need{h.GetSeq(), h.GetRev(), h.GetHiddenRev()}
		if !n.met(c) {
			e.claim.needs[c] = n
		}
	}
}

// newest is the cursor of the last announcement, whether it may be kept yet or not.
func (e *engine) newest() string {
	if e.claim != nil {
		return e.claim.cursor
	}
	return e.cursor
}

// settle drops a need that is met. One that the server took back by naming a lower head is met too.
func (e *engine) settle(c *conversation) {
	if e.claim == nil {
		return
	}
	if n, ok := e.claim.needs[c]; ok && (n.met(c) || (!c.behind() && !c.pulling)) {
		delete(e.claim.needs, c)
	}
}

// tickClaim keeps a cursor whose needs are met. It is stored behind the events that it stands for.
func (e *engine) tickClaim() {
	if e.claim == nil || e.catch != nil || len(e.claim.needs) > 0 {
		return
	}
	cursor := e.claim.cursor
	e.claim = nil
	if cursor == e.cursor {
		return
	}
	e.cursor = cursor
	e.out = append(e.out, delivery{after: func() {
		if err := e.cfg.Store.SaveCursor(cursor); err != nil {
			e.cfg.Logger.Error("cursor not stored", "error", err)
		}
	}})
}

// catchUp is a list of heads that takes several calls: Sync until it is complete, or all conversations
// after a reset.
type catchUp struct {
	reset     bool
	left      bool   // list groups that were left too: some may be known here
	cursor    string // of Sync
	pageToken string // of ListConversations
	kept      string // cursor of its first page
	running   bool
	failures  int
	at        time.Time // not before; zero: at once
}

// tickCatchUp makes the next call.
func (e *engine) tickCatchUp(now time.Time) {
	k := e.catch
	if k == nil || k.running || !e.live() || now.Before(k.at) {
		return
	}
	k.running = true
	if k.reset {
		request := &messagev1.ListConversationsRequest{PageToken: k.pageToken, IncludeLeft: k.left}
		e.call(func(ctx context.Context) func() {
			page, err := e.c.rpc.conversations.ListConversations(ctx, request)
			return func() { e.listed(k, page, err) }
		})
		return
	}
	request := &messagev1.SyncRequest{Cursor: k.cursor}
	e.call(func(ctx context.Context) func() {
		answer, err := e.c.rpc.messages.Sync(ctx, request)
		return func() {
			if e.caughtUp(k, err) {
				e.synced(answer)
			}
		}
	})
}

// caughtUp tells whether the answer of a call counts.
func (e *engine) caughtUp(k *catchUp, err error) bool {
	if e.catch != k {
		return false // another resume came in between
	}
	k.running = false
	if err != nil {
		e.cfg.Logger.Debug("catching up failed", "error", err)
		k.at = e.cfg.Now().Add(backoffBase + backoff(k.failures, e.cfg.Random()))
		k.failures++
		return false
	}
	k.failures = 0
	return true
}

// listed takes one page of conversations.
func (e *engine) listed(k *catchUp, page *messagev1.ListConversationsResponse, err error) {
	if !e.caughtUp(k, err) {
		return
	}
	if k.kept == "" {
		k.kept = page.GetCursor()
	}
	var heads []*messagev1.Head
	for _, c := range page.GetConversations() {
		e.emit(ConversationChanged{c})
		if h := c.GetHead(); h.GetConversationId() != "" {
			heads = append(heads, h)
		}
	}
	e.heads(heads, 0)
	e.announce(k.kept, heads)
	k.pageToken = page.GetNextPageToken()
	if k.pageToken == "" {
		e.catch = nil
	}
}
