// SPDX-License-Identifier: Apache-2.0

package client

import (
	"time"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
)

// stored notes that a position is in the store, so that it may be acknowledged: in a bundle, at the
// latest after five seconds or a hundred messages.
func (e *engine) stored(c *conversation, seq int64, messages int) {
	if seq <= c.stored {
		return
	}
	c.stored = seq
	e.acks[c.id] = seq
	e.ackCount += messages
	now := e.cfg.Now()
	if e.ackAt.IsZero() {
		e.ackAt = now.Add(ackWait)
	}
	if e.ackCount >= ackCount {
		e.ackAt = now
	}
}

// tickAcks sends the bundle.
func (e *engine) tickAcks(now time.Time) {
	if len(e.acks) == 0 || now.Before(e.ackAt) {
		return
	}
	var positions []*gatewayv1.Ack_Position
	for id, seq := range e.acks {
		positions = append(positions, &gatewayv1.Ack_Position{ConversationId: id, Seq: seq})
		if len(positions) == ackPositions {
			e.sendAck(positions)
			positions = nil
		}
	}
	if len(positions) > 0 {
		e.sendAck(positions)
	}
	clear(e.acks)
	e.ackAt, e.ackCount = time.Time{}, 0
}

func (e *engine) sendAck(positions []*gatewayv1.Ack_Position) {
	e.send(e.cur, &gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Ack{Ack: &gatewayv1.Ack{Positions: positions}}})
}

// readMark is a read marker of the user in one conversation.
type readMark struct {
	want, sent int64
	at         time.Time // when it may be sent
}

// markRead is Client.MarkRead.
func (e *engine) markRead(id string, seq int64) {
	r := e.reads[id]
	if r == nil {
		r = &readMark{}
		e.reads[id] = r
	}
	r.want = max(r.want, seq)
}

// tickReads sends markers, one a second for a conversation.
func (e *engine) tickReads(now time.Time) {
	for id, r := range e.reads {
		if r.want <= r.sent || now.Before(r.at) {
			continue
		}
		r.sent, r.at = r.want, now.Add(readEvery)
		e.send(e.cur, &gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Read{
			Read: &gatewayv1.Read{ConversationId: id, Seq: r.want},
		}})
	}
}

// typing is Client.Typing.
func (e *engine) typing(id string, state gatewayv1.TypingState) {
	if e.live() {
		e.send(e.cur, &gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Typing{
			Typing: &gatewayv1.Typing{ConversationId: id, State: state},
		}})
	}
}

// watch is Client.Watch.
func (e *engine) watch(users []string) {
	e.watched = users
	if e.live() {
		e.sendWatch()
	}
}

// sendWatch names whom the live session follows; each connection needs it anew.
func (e *engine) sendWatch() {
	e.send(e.cur, &gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Watch{Watch: &gatewayv1.Watch{UserIds: e.watched}}})
}
