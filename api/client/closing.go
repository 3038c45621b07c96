// SPDX-License-Identifier: Apache-2.0

package client

import (
	"errors"
	"time"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
)

// lastingLive is how long a connection must have been live to count as a success.
const lastingLive = 60 * time.Second

// superseded is the code for a session that has a newer one of the same instance beside it.
const superseded = int(gatewayv1.CloseCode_CLOSE_CODE_SUPERSEDED)

// closed goes on after a session has ended, whoever ended it.
func (e *engine) closed(s *session, code int, reason string) {
	if s != e.cur && s != e.next {
		return
	}
	second := s == e.next
	e.forget(s)
	name, _ := parseReason(reason)
	rule := RuleOf(code)
	if code == superseded && s.moves > 0 {
		rule = RuleResume // by the own second session, which did not come to be
	}
	if rule == RuleLogin {
		e.halt(SignedOut, code, name)
		return
	}
	delay := paceOf(code, reason)
	if !delay.given {
		delay = s.notice
	}
	if rule == RuleSync {
		e.cursor, e.claim, e.catch = "", nil, nil
	}
	if second {
		e.nextClosed(rule, code, name, delay)
		return
	}
	if e.next != nil {
		e.cur, e.next = e.next, nil // it was about to replace this one anyway
		return
	}
	if rule == RuleStop {
		e.halt(Stopped, code, name)
		return
	}
	if !s.liveSince.IsZero() && e.cfg.Now().Sub(s.liveSince) >= lastingLive {
		e.failures = 0
	}
	e.retryAt = e.cfg.Now().Add(e.delay(delay, e.failures))
	e.failures++
}

// accountDeleted is the code after which nothing of the user may stay on the device.
const accountDeleted = int(gatewayv1.CloseCode_CLOSE_CODE_ACCOUNT_DELETED)

// wipe forgets everything, here and in the store. It runs after all else of a run.
func (e *engine) wipe() {
	store, errs := e.cfg.Store, []error(nil)
	for id := range e.conversations {
		errs = append(errs, store.SavePosition(id, Position{}))
	}
	for _, line := range e.lines {
		for _, en := range line {
			errs = append(errs, store.DropEntry(en.ClientMessageID))
			e.c.unsent.Add(-1)
		}
	}
	errs = append(errs, store.SaveCursor("")) // the last, for a store that writes anew what is left
	if err := errors.Join(errs...); err != nil {
		e.cfg.Logger.Error("a deleted account is still stored on this device", "error", err)
	}
	e.cursor, e.claim, e.lastEpoch, e.userID, e.order = "", nil, 0, "", nil
	clear(e.conversations)
	clear(e.due)
	clear(e.lines)
	clear(e.acks)
	clear(e.reads)
}

// nextClosed tries again to move, as long as the first session is there.
func (e *engine) nextClosed(rule Rule, code int, name string, p pace) {
	if rule == RuleStop {
		e.halt(Stopped, code, name)
		return
	}
	e.cur.moveAt = e.cfg.Now().Add(e.delay(p, e.cur.moves))
	e.cur.moves++
}

// delay is what the server asked for, else a back-off.
func (e *engine) delay(p pace, failures int) time.Duration {
	if p.given {
		return p.after + time.Duration(e.cfg.Random()*float64(p.jitter))
	}
	return backoff(failures, e.cfg.Random())
}

// promote puts the second session in the place of the first. What the first has not answered is sent
// again, under the same ids.
func (e *engine) promote() {
	old := e.cur
	e.cur, e.next = e.next, nil
	e.forget(old)
	old.goodbye()
}
