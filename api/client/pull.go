// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"time"

	"connectrpc.com/connect"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// pullAfter plans a pull, unless an earlier one is planned or runs.
func (e *engine) pullAfter(c *conversation, wait time.Duration) {
	at := e.cfg.Now().Add(wait)
	if c.pulling || (!c.pullAt.IsZero() && c.pullAt.Before(at)) {
		return
	}
	c.pullAt = at
	e.due[c.id] = c
}

// tickPulls starts what is due, a few at once. A gap that has closed by itself is not pulled.
func (e *engine) tickPulls(now time.Time) {
	if !e.live() {
		return
	}
	for id, c := range e.due {
		if now.Before(c.pullAt) {
			continue
		}
		delete(e.due, id)
		c.pullAt = time.Time{}
		if c.behind() || c.forced {
			c.pulling = true
			e.queue = append(e.queue, c)
		}
	}
	for e.pulls < maxPulls && len(e.queue) > 0 {
		c := e.queue[0]
		e.queue = e.queue[1:]
		e.pulls++
		e.pull(c)
	}
}

// pull asks for one page.
func (e *engine) pull(c *conversation) {
	forced := c.forced
	c.forced = false
	if c.known && c.local >= c.target && c.rev < c.targetRev && !forced {
		e.pullChanges(c)
		return
	}
	if c.known && c.local >= c.target && c.hidden < c.targetHidden && !forced {
		e.pullHidden(c)
		return
	}
	request := &messagev1.ListMessagesRequest{
		ConversationId: c.id, Limit: pageSize, Range: &messagev1.ListMessagesRequest_AfterSeq{AfterSeq: c.local},
	}
	newest := c.target-c.local > farBehind
	if newest {
		request = &messagev1.ListMessagesRequest{ConversationId: c.id, Limit: newestPage}
	}
	e.call(func(ctx context.Context) func() {
		page, err := e.c.rpc.messages.ListMessages(ctx, request)
		return func() {
			if err != nil {
				c.forced = c.forced || forced
				e.pullFailed(c, err)
				return
			}
			e.pulled(c, page, newest, forced)
		}
	})
}

// call makes an RPC on a goroutine of its own and posts what follows from its answer.
func (e *engine) call(rpc func(ctx context.Context) (then func())) {
	e.spawn(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, rpcDeadline)
		defer cancel()
		e.c.mail.post(rpc(ctx))
	})
}

// pulled takes a page; a forced pull has helped even if there was nothing new.
func (e *engine) pulled(c *conversation, page *messagev1.ListMessagesResponse, newest, forced bool) {
	before := c.local
	head := page.GetHead()
	c.see(head.GetSeq(), head.GetRev())
	if !c.known {
		c.known, c.rev, c.hidden = true, head.GetRev(), head.GetHiddenRev() // what is loaded from now on is at least that new
	}
	e.tell(c, c.cover(page, newest)...)
	if c.local == before && !forced {
		c.target = max(head.GetSeq(), c.highestAside())
	}
	e.pullEnded(c, c.local > before || forced)
}

// pullEnded plans the next page, at once if this one helped.
func (e *engine) pullEnded(c *conversation, progress bool) {
	e.pulls = max(0, e.pulls-1)
	c.pulling = false
	if progress {
		c.failures = 0
	}
	e.settle(c)
	if !c.behind() && !c.forced {
		return
	}
	wait := time.Duration(0)
	if !progress {
		wait = backoffBase + backoff(c.failures, e.cfg.Random())
		c.failures++
	}
	e.pullAfter(c, wait)
}

// pullFailed tries again later, but not where there is nothing to see.
func (e *engine) pullFailed(c *conversation, err error) {
	e.cfg.Logger.Debug("pull failed", "conversation_id", c.id, "error", err)
	if connect.CodeOf(err) == connect.CodeNotFound {
		c.target, c.targetRev, c.targetHidden, c.forced = c.local, c.rev, c.hidden, false
		clear(c.aside)
	}
	e.pullEnded(c, false)
}

// pullChanges asks what became of messages that were told already.
func (e *engine) pullChanges(c *conversation) {
	if c.targetRev-c.rev > maxChanges {
		c.rev = c.targetRev
		e.tell(c, ChangesSkipped{c.id})
		e.pullEnded(c, true)
		return
	}
	request := &messagev1.ListChangesRequest{ConversationId: c.id, AfterRev: c.rev, Limit: pageSize}
	e.call(func(ctx context.Context) func() {
		page, err := e.c.rpc.messages.ListChanges(ctx, request)
		return func() { e.changesPulled(c, page, err) }
	})
}

func (e *engine) changesPulled(c *conversation, page *messagev1.ListChangesResponse, err error) {
	if err != nil {
		e.pullFailed(c, err)
		return
	}
	before := c.rev
	if page.GetUpToRev() <= c.rev {
		c.targetRev = c.rev
	}
	e.applyChanges(c, page.GetItems(), page.GetUpToRev())
	e.pullEnded(c, c.rev > before)
}

// filled is the engine's part of Client.Fill.
func (e *engine) filled(id string, r Range) {
	c := e.conversation(id)
	c.fill(r)
	e.tell(c)
}
