// SPDX-License-Identifier: Apache-2.0

package server

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/services/gateway"
)

// collector shows what a Hub counts.
type collector struct {
	hub *gateway.Hub

	sessions, guests, opening, registered, members, queue, remaining *prometheus.Desc // gauges
	watches, watched                                                 *prometheus.Desc // gauges
	closes, resyncs, refused, moves, cut                             *prometheus.Desc // counters
	presence, noWatch, relieved, typing                              *prometheus.Desc // counters
}

func newCollector(hub *gateway.Hub) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("parley_gateway_"+name, help, labels, nil)
	}
	return &collector{
		hub:        hub,
		sessions:   desc("sessions", "Live sessions that this pod holds."),
		guests:     desc("guest_sessions", "Live sessions that this pod holds and that are at home elsewhere."),
		opening:    desc("opening_sessions", "Connections that are not authenticated yet."),
		registered: desc("registered_sessions", "Sessions at home on this pod, wherever they are held."),
		members:    desc("ring_members", "Serving gateway pods in this pod's view of the ring."),
		queue:      desc("queue_bytes", "Bytes that wait in session queues."),
		watches:    desc("watches", "Pairs of a live session here and a user whose presence it watches."),
		watched:    desc("watched_users", "Users at home on this pod whose presence is watched."),
		presence:   desc("presence_changes_total", "Changes of presence of users at home on this pod, told to pods that watch, by state.", "state"),
		noWatch:    desc("watches_refused_total", "Watches for which there was no room."),
		typing:     desc("typing_total", "Frames that say that somebody types or stopped, by outcome.", "outcome"),
		relieved:   desc("relieved_total", "Frames of typing and presence that gave way in session queues."),
		closes:     desc("closes_total", "Connections that ended, by close code.", "code"),
		resyncs:    desc("resyncs_total", "Requests to clients to pull, by reason.", "reason"),
		refused:    desc("admission_refused_total", "Handshakes that were refused, by reason.", "reason"),
		remaining:  desc("drain_remaining", "Sessions that a pod that ends has still to move."),
		moves:      desc("moves_total", "Sessions that left a pod that ends, by reason and outcome.", "reason", "outcome"),
		cut:        desc("cut_total", "Sessions that were cut off because the time of a pod that ends was over."),
	}
}

// Describe lists the metrics.
func (c *collector) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect takes one snapshot.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.hub.Stats()
	progress, _ := c.hub.Progress()
	gauge := func(d *prometheus.Desc, value int) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value))
	}
	gauge(c.sessions, s.Sessions)
	gauge(c.guests, s.Guests)
	gauge(c.opening, s.Opening)
	gauge(c.registered, s.Registered)
	gauge(c.members, s.Members)
	gauge(c.queue, s.QueueBytes)
	gauge(c.remaining, progress.Remaining)
	gauge(c.watches, s.Watches)
	gauge(c.watched, s.Watched)
	c.collectPresence(out, s)
	for code, n := range s.Closes {
		out <- prometheus.MustNewConstMetric(c.closes, prometheus.CounterValue, float64(n), strconv.Itoa(int(code)))
	}
	names := map[gateway.ResyncReason]string{
		gateway.ResyncOverflow: "overflow", gateway.ResyncBrokerLost: "broker_lost", gateway.ResyncHomeChanged: "home_changed",
	}
	for reason, n := range s.Resyncs {
		out <- prometheus.MustNewConstMetric(c.resyncs, prometheus.CounterValue, float64(n), names[reason])
	}
	for reason, n := range s.Refused {
		out <- prometheus.MustNewConstMetric(c.refused, prometheus.CounterValue, float64(n), reason)
	}
	outcomes := map[gateway.MoveOutcome]string{
		gateway.MoveDone: "moved", gateway.MoveLate: "late", gateway.MoveSentAway: "sent_away", gateway.MoveCut: "cut",
	}
	for outcome, n := range s.Moves {
		out <- prometheus.MustNewConstMetric(c.moves, prometheus.CounterValue, float64(n), "drain", outcomes[outcome])
	}
	out <- prometheus.MustNewConstMetric(c.cut, prometheus.CounterValue, float64(s.Moves[gateway.MoveCut]))
}

func (c *collector) collectPresence(out chan<- prometheus.Metric, s gateway.Stats) {
	states := map[gateway.PresenceState]string{
		gateway.PresenceOnline: "online", gateway.PresenceAway: "away", gateway.PresenceOffline: "offline",
	}
	for state, n := range s.PresenceChanges {
		out <- prometheus.MustNewConstMetric(c.presence, prometheus.CounterValue, float64(n), states[state])
	}
	typing := map[gateway.TypingOutcome]string{
		gateway.TypingTold: "told", gateway.TypingTooFast: "too_fast", gateway.TypingUnused: "unused",
	}
	for outcome, n := range s.Typing {
		out <- prometheus.MustNewConstMetric(c.typing, prometheus.CounterValue, float64(n), typing[outcome])
	}
	out <- prometheus.MustNewConstMetric(c.noWatch, prometheus.CounterValue, float64(s.WatchesRefused))
	out <- prometheus.MustNewConstMetric(c.relieved, prometheus.CounterValue, float64(s.Relieved))
}
