// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"sync"

	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/ids"
)

// waitingSend is a message with the way back.
type waitingSend = waiting[gateway.Outgoing, sendResult]

// thread is what keeps its order: what one user sends to one conversation.
type thread struct {
	user         ids.UserID
	conversation ids.ConversationID
}

// aside has calls of its own for messages that may show a file, of which the message service asks the file service
// first: one that hangs holds them up, and what their sender sends behind them, and nothing else.
type aside struct {
	sends *lane[gateway.Outgoing, sendResult]

	mu   sync.Mutex // guards held
	held map[thread]int
}

func newAside(call func(context.Context, []gateway.Outgoing) ([]sendResult, error)) *aside {
	return &aside{sends: newLane(laneLength, sendsPerCall, bytesPerCall, call), held: map[thread]int{}}
}

// divide takes out of a batch what goes aside; it goes when all that was sent before it is answered.
func (a *aside) divide(batch []waitingSend) (now []waitingSend, rest func()) {
	now, later := a.split(batch)
	return now, func() {
		for _, w := range later {
			a.sends.ask(w.question, w.size, w.done)
		}
	}
}

func (a *aside) split(batch []waitingSend) (now, later []waitingSend) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range batch {
		t := thread{w.question.Sender, w.question.Conversation}
		if a.held[t] == 0 && !mayShowFile(w.question) {
			now = append(now, w)
			continue
		}
		a.held[t]++
		done := w.done
		w.done = func(r sendResult, err error) {
			a.let(t)
			done(r, err)
		}
		later = append(later, w)
	}
	return now, later
}

// let notes that something that went aside is answered.
func (a *aside) let(t thread) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held[t]--; a.held[t] == 0 {
		delete(a.held, t)
	}
}

// mayShowFile tells whether the message service may have to ask for a file. What a forwarded message shows is known
// there only.
func mayShowFile(o gateway.Outgoing) bool {
	send, ok := o.Request.(*messagev1.SendRequest)
	return ok && (send.GetContent().GetText() == nil || send.GetForwardOf() != nil)
}
