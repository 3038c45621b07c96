// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// Deliver brings deliveries to the sessions of this pod, in their order. As a home pod it forwards them
// to the holders of its users' other sessions; what was forwarded already is never forwarded again. It
// never blocks.
func (h *Hub) Deliver(ds []Delivery, forwarded bool) {
	now, fresh := h.Now(), h.fresh()
	var view View
	if !forwarded {
		view = h.Ring.View()
	}
	for i := range ds {
		d := &ds[i]
		if !d.Presence.User.IsZero() {
			if fresh {
				h.deliverPresence(d, now)
			}
			continue // home pods tell holders themselves
		}
		if fresh {
			h.deliverHere(d, now)
		}
		if !d.Recheck.IsZero() {
			h.recheck(d.Recheck, forwarded)
		}
		if !forwarded {
			h.forward(d, view)
		}
	}
}

// deliverHere queues one delivery to the registered sessions that this pod holds. While ends of login
// sessions may have been missed it is not called: heads are compared afterwards.
func (h *Hub) deliverHere(d *Delivery, now time.Time) {
	e := &encoded{codec: h.Codec, body: Raw(d.Frame)}
	for _, user := range d.Users {
		p, sessions := h.sessionsOf(user)
		told := false
		for _, s := range sessions {
			told = s.deliver(d, e, now) || told
		}
		if told && !d.Conversation.IsZero() {
			p.mu.Lock()
			p.moved.note(Head{Conversation: d.Conversation, Seq: d.Seq, Rev: d.Rev, MembersRev: d.MembersRev}, h.instant(), h.Limits.HeadsKept)
			p.mu.Unlock()
		}
	}
}

// forward sends one delivery to the pods that hold sessions of its users, each with its own users.
func (h *Hub) forward(d *Delivery, view View) {
	var byPod map[string][]ids.UserID
	var pods []string
	for _, user := range d.Users {
		pods = h.registry.Holders(pods[:0], user)
		pods = h.misdirected(pods, view, user)
		for _, pod := range pods {
			if pod == h.Pod {
				continue
			}
			if byPod == nil {
				byPod = map[string][]ids.UserID{}
			}
			byPod[pod] = append(byPod[pod], user)
		}
	}
	for pod, users := range byPod {
		part := *d
		part.Users = users
		h.Courier.Send(pod, part, true)
	}
}

// misdirected covers a sender with another view of the ring: the user is at home elsewhere, so this
// pod may not know all holders. For that moment everybody gets the delivery; those without sessions of
// the user ignore it.
func (h *Hub) misdirected(pods []string, view View, user ids.UserID) []string {
	if home, ok := view.Home(user); !ok || home.Pod == h.Pod {
		return pods
	}
	for _, m := range view.Members() {
		if !slices.Contains(pods, m.Pod) {
			pods = append(pods, m.Pod)
		}
	}
	return pods
}
