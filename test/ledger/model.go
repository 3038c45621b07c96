// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// send is one client message with all that is known about it.
type send struct {
	client, device, conv, cmid, marker string
	op, n                              int64
	callAt, returnAt                   int64 // returnAt is the end of time while the outcome is unknown
	outcome                            Outcome
	msg                                string
	seq                                int64
	epochAtCall, epochAtReturn         int64
}

// key of a device's view of one conversation.
type view struct{ device, conv string }

// membership of one client in one conversation: sees (after, until]. Who left and came back has several.
type membership struct{ after, until int64 }

type memberships []membership

func (m memberships) covers(seq int64) bool {
	return slices.ContainsFunc(m, func(one membership) bool { return seq > one.after && seq <= one.until })
}

// model is a journal, sorted by what the checks ask for.
type model struct {
	sends    []*send            // one for each call, in the order of the calls
	byCMID   map[string][]*send // calls of one (client, cmid)
	final    map[string]Event   // conversation → the read after heal
	reads    []Event            // all history reads, final ones too
	delivers map[view][]Event   // in the order in which the device showed them
	devices  map[string]string  // device → client
	members  map[string]map[string]memberships
	epochs   map[string][]Event // device → its connections
	markers  []Event
	unpaired []string
}

func identity(client, cmid string) string { return client + "/" + cmid }

// newModel sorts the events of one run. Lines of one device stand in the order in which they were written.
func newModel(events []Event) *model {
	m := &model{
		byCMID: map[string][]*send{}, final: map[string]Event{}, delivers: map[view][]Event{},
		devices: map[string]string{}, members: map[string]map[string]memberships{}, epochs: map[string][]Event{},
	}
	open := map[string]*send{}
	for _, e := range events {
		if e.Device != "" {
			m.devices[e.Device] = e.Client
		}
		switch e.Kind {
		case Send:
			m.addSend(open, e)
		case Deliver:
			v := view{e.Device, e.Conv}
			m.delivers[v] = append(m.delivers[v], e)
		case History:
			m.addRead(e)
		case MarkRead:
			m.markers = append(m.markers, e)
		case Join, Leave:
			m.addMembership(e)
		case Connect:
			m.epochs[e.Device] = append(m.epochs[e.Device], e)
		case FaultOn, FaultOff:
		}
	}
	for key := range open {
		m.unpaired = append(m.unpaired, "call without return: "+key)
	}
	slices.Sort(m.unpaired)
	return m
}

func (m *model) addSend(open map[string]*send, e Event) {
	key := fmt.Sprintf("%s op %d", e.Device, e.Op)
	if e.Outcome == "" {
		s := &send{
			client: e.Client, device: e.Device, conv: e.Conv, cmid: e.CMID, marker: e.Marker, op: e.Op, n: e.N,
			callAt: e.CallAt, returnAt: math.MaxInt64, outcome: Unknown, epochAtCall: e.Epoch,
		}
		open[key] = s
		m.sends = append(m.sends, s)
		id := identity(e.Client, e.CMID)
		m.byCMID[id] = append(m.byCMID[id], s)
		return
	}
	s := open[key]
	if s == nil {
		m.unpaired = append(m.unpaired, "return without call: "+key)
		return
	}
	delete(open, key)
	s.outcome, s.msg, s.seq, s.epochAtReturn = e.Outcome, e.Msg, e.Seq, e.Epoch
	if e.Outcome != Unknown {
		s.returnAt = e.ReturnAt
	}
}

func (m *model) addRead(e Event) {
	m.reads = append(m.reads, e)
	if e.Final {
		m.final[e.Conv] = e
	}
}

func (m *model) addMembership(e Event) {
	if m.members[e.Conv] == nil {
		m.members[e.Conv] = map[string]memberships{}
	}
	list := m.members[e.Conv][e.Client]
	if e.Kind == Join {
		m.members[e.Conv][e.Client] = append(list, membership{after: e.Seq, until: math.MaxInt64})
	} else if n := len(list); n > 0 {
		list[n-1].until = e.Seq
	}
}

// acknowledged lists the sends whose client got OK.
func (m *model) acknowledged() []*send {
	var list []*send
	for _, s := range m.sends {
		if s.outcome == OK {
			list = append(list, s)
		}
	}
	return list
}

// conversations lists what was written to or read, sorted.
func (m *model) conversations() []string {
	seen := map[string]bool{}
	for _, s := range m.sends {
		seen[s.conv] = true
	}
	for conv := range m.members {
		seen[conv] = true
	}
	list := make([]string, 0, len(seen))
	for conv := range seen {
		list = append(list, conv)
	}
	slices.SortFunc(list, cmp.Compare)
	return list
}
