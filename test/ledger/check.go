// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"fmt"
	"slices"
	"strings"
)

// Breach is one thing that must not be.
type Breach struct {
	Invariant string `json:"invariant"` // "I1" …
	Text      string `json:"text"`      // what was seen, with ids
}

func (b Breach) String() string { return b.Invariant + ": " + b.Text }

// Report is the outcome of Check.
type Report struct {
	Breaches []Breach // at most maxPerInvariant of each invariant, in the order of the invariants
	// Counts says how many of each invariant there were, "I1" → count.
	Counts map[string]int
	// Unpaired lists lines that lack their other half: the load side is at fault, not the product.
	Unpaired []string
	// Acknowledged, Unknown and Refused count the client messages.
	Acknowledged, Unknown, Refused int
	// Stored counts the messages in the final histories, Delivered what devices showed.
	Stored, Delivered int
}

// maxPerInvariant bounds the texts of a report: a broken run would else fill the disk.
const maxPerInvariant = 20

// checker collects breaches.
type checker struct {
	*model
	key    Key
	report Report
}

func (c *checker) breach(invariant, format string, args ...any) {
	c.report.Counts[invariant]++
	if c.report.Counts[invariant] <= maxPerInvariant {
		c.report.Breaches = append(c.report.Breaches, Breach{invariant, fmt.Sprintf(format, args...)})
	}
}

// Check judges a whole journal. The key is that of the run's markers.
func Check(key Key, events []Event) Report {
	c := &checker{model: newModel(events), key: key, report: Report{Counts: map[string]int{}}}
	c.report.Unpaired = c.unpaired
	c.count()
	for _, check := range []func(){
		c.noLoss, c.noPhantom, c.exactlyOnce, c.sameAnswer, c.noHoles, c.realTimeOrder, c.senderOrder,
		c.stablePrefix, c.readYourWrite, c.delivery, c.displayOrder, c.confidentiality, c.oneHolder, c.readMarkers,
	} {
		check()
	}
	return c.report
}

func (c *checker) count() {
	for _, calls := range c.byCMID {
		switch best := strongest(calls); best {
		case OK:
			c.report.Acknowledged++
		case Unknown:
			c.report.Unknown++
		case Fail:
			c.report.Refused++
		}
	}
	for _, h := range c.final {
		c.report.Stored += len(h.Items)
	}
	for _, list := range c.delivers {
		c.report.Delivered += len(list)
	}
}

// strongest is what all tries of one message amount to: OK beats unknown beats a refusal.
func strongest(calls []*send) Outcome {
	best := Fail
	for _, s := range calls {
		switch s.outcome {
		case OK:
			return OK
		case Unknown:
			best = Unknown
		case Fail:
		}
	}
	return best
}

// noLoss (I1): every acknowledged send is in the final history, at the place that was answered.
func (c *checker) noLoss() {
	bySeq := map[string]map[int64]Item{}
	for conv, h := range c.final {
		bySeq[conv] = map[int64]Item{}
		for _, item := range h.Items {
			bySeq[conv][item.Seq] = item
		}
	}
	for _, s := range c.acknowledged() {
		item, ok := bySeq[s.conv][s.seq]
		switch {
		case !ok:
			c.breach("I1", "message %d (%s) was acknowledged as %s/%d and is not in history", s.n, s.cmid, s.conv, s.seq)
		case item.Msg != s.msg || item.CMID != s.cmid || item.Sender != s.client:
			c.breach("I1", "message %d (%s) was acknowledged as %s/%d, where history holds %s", s.n, s.cmid, s.conv, s.seq, item.CMID)
		}
	}
	for _, conv := range c.conversations() {
		if _, ok := c.final[conv]; !ok {
			c.breach("I1", "conversation %s was not read at the end", conv)
		}
	}
}

// noPhantom (I2): what history holds was sent, with this text, and not definitely refused.
func (c *checker) noPhantom() {
	for conv, h := range c.final {
		for _, item := range h.Items {
			if item.System {
				continue
			}
			calls := c.byCMID[identity(item.Sender, item.CMID)]
			if len(calls) == 0 {
				c.breach("I2", "%s/%d (%s) was never sent", conv, item.Seq, item.CMID)
				continue
			}
			if strongest(calls) == Fail {
				c.breach("I2", "%s/%d (%s) is stored though it was refused", conv, item.Seq, item.CMID)
			}
			if want := c.key.Marker(conv, item.Sender, calls[0].n); item.Marker != want {
				c.breach("I2", "%s/%d (%s) holds marker %q, sent was %q", conv, item.Seq, item.CMID, item.Marker, want)
			}
		}
	}
}

// exactlyOnce (I3): no client message twice, and no message id twice.
func (c *checker) exactlyOnce() {
	places, ids := map[string]string{}, map[string]string{}
	for conv, h := range c.final {
		for _, item := range h.Items {
			place := fmt.Sprintf("%s/%d", conv, item.Seq)
			if other, ok := places[identity(item.Sender, item.CMID)]; ok {
				c.breach("I3", "client message %s stands at %s and %s", item.CMID, other, place)
			}
			if other, ok := ids[item.Msg]; ok {
				c.breach("I3", "message id %s stands at %s and %s", item.Msg, other, place)
			}
			places[identity(item.Sender, item.CMID)], ids[item.Msg] = place, place
		}
	}
}

// sameAnswer (I4): all acknowledgements of one client message are equal; another payload is refused.
func (c *checker) sameAnswer() {
	for _, calls := range c.byCMID {
		var first *send
		for _, s := range calls {
			if s.outcome != OK {
				continue
			}
			if first == nil {
				first = s
				continue
			}
			if s.msg != first.msg || s.seq != first.seq || s.conv != first.conv {
				c.breach("I4", "%s was answered %s/%d and %s/%d", s.cmid, first.conv, first.seq, s.conv, s.seq)
			}
			if s.marker != first.marker {
				c.breach("I4", "%s was acknowledged with two payloads", s.cmid)
			}
		}
	}
}

// noHoles (I5): the seqs of a history are 1, 2, 3 … up to the head.
func (c *checker) noHoles() {
	for conv, h := range c.final {
		for i, item := range h.Items {
			if want := int64(i) + 1; item.Seq != want {
				c.breach("I5", "%s holds seq %d where %d belongs", conv, item.Seq, want)
				break
			}
		}
		if int64(len(h.Items)) != h.Head {
			c.breach("I5", "%s holds %d messages, its head is %d", conv, len(h.Items), h.Head)
		}
	}
}

// readMarkers (I18): a user's marker never goes back and never passes the head.
func (c *checker) readMarkers() {
	at := map[string]int64{}
	for _, e := range c.markers {
		key := e.Client + " in " + e.Conv
		if e.Outcome != OK {
			continue
		}
		if e.Seq < at[key] {
			c.breach("I18", "marker of %s went from %d back to %d", key, at[key], e.Seq)
		}
		if h, ok := c.final[e.Conv]; ok && e.Seq > h.Head {
			c.breach("I18", "marker of %s stands at %d, past the head %d", key, e.Seq, h.Head)
		}
		at[key] = max(at[key], e.Seq)
	}
}

// Summary is one line for people.
func (r Report) Summary() string {
	var parts []string
	for invariant, n := range r.Counts {
		parts = append(parts, fmt.Sprintf("%s×%d", invariant, n))
	}
	slices.Sort(parts)
	verdict := "no breach"
	if len(parts) > 0 {
		verdict = strings.Join(parts, " ")
	}
	return fmt.Sprintf("%d acknowledged, %d unknown, %d refused, %d stored, %d delivered: %s",
		r.Acknowledged, r.Unknown, r.Refused, r.Stored, r.Delivered, verdict)
}
