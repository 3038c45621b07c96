// SPDX-License-Identifier: Apache-2.0

package gateway

import "time"

// Limits bound what clients may do. All are settings, so that load tests can raise them.
type Limits struct {
	AuthFrameBytes int // largest frame before welcome
	FrameBytes     int // largest frame after it

	AuthWait     time.Duration // until the first frame
	VerifyWait   time.Duration // for the token
	VerifyEvery  time.Duration // how often the token of a session is looked at again; at its end at the latest
	RegisterWait time.Duration // for the home pod
	CallWait     time.Duration // for any other call that a frame causes
	PingEvery    time.Duration // ping control frames, and how often a client shall ping; at least one Tick
	PongWait     time.Duration // for a life sign after a ping control frame
	Tick         time.Duration // grain of all deadlines

	FramesPerSecond       float64 // per session; rates are above 0
	FramesBurst           int
	SendsPerSecond        float64 // per user
	SendsBurst            int
	ConversationPerSecond float64 // sends per conversation
	ConversationBurst     int
	SendsInFlight         int // unanswered sends per session
	ErrandsWaiting        int // resume, read and typing frames of a session that wait for their turn
	TypingEvery           time.Duration
	TypingMembers         int // larger conversations show nobody typing

	Sessions           int // per pod
	SessionsPerUser    int // per user and pod
	SessionsPerAddress int
	HalfOpenPerAddress int     // before welcome
	HandshakesPerSec   float64 // per pod

	QueueBytes  int // per session
	QueueFrames int // per session
	FlushBytes  int // in one write

	OnlineFor       time.Duration // after the last use of a device
	OfflineAfter    time.Duration // without a connection
	PresenceEvery   time.Duration // changes of one user are told so far apart
	WatchFor        time.Duration // how long a home pod tells of changes without renewal
	WatchRenew      time.Duration // how often that is renewed
	WatchEvery      time.Duration // how often a session may name another set
	WatchChecks     int           // questions for rights under way at once, per pod
	Watches         int           // pairs of a session and a user that it watches, per pod
	WatchersPerUser int           // sessions of this pod that watch one user
	WatchedUsers    int           // of the users at home on this pod

	Lease       time.Duration // how long a registration lasts without renewal
	Renew       time.Duration // how often it is renewed
	CheckEvery  time.Duration // how often the heads of a session are compared
	CheckNoBus  time.Duration // the same while there is no broker
	HeadsKept   int           // moved heads remembered per user
	HeadsFor    time.Duration // and for how long
	CheckAtOnce int           // questions in one call
}

// DefaultLimits are those of the product. Sources: the client protocol for frames, liveness and rates;
// lease and memory of heads are chosen: a lease outlives two missed renewals, heads outlive two checks
// and the slack of a cursor. So are the bounds of presence: a pair takes about 100 bytes where it is held,
// a watched user about 200 at home, and who is watched by so many is no friend of most.
func DefaultLimits() Limits {
	return Limits{
		AuthFrameBytes: 4 << 10, FrameBytes: 64 << 10,
		AuthWait: 5 * time.Second, VerifyWait: 3 * time.Second, VerifyEvery: 24 * time.Hour, RegisterWait: 2 * time.Second,
		CallWait: 5 * time.Second, PingEvery: 25 * time.Second, PongWait: 10 * time.Second, Tick: time.Second,
		FramesPerSecond: 50, FramesBurst: 100, SendsPerSecond: 1, SendsBurst: 60,
		ConversationPerSecond: 50, ConversationBurst: 50, SendsInFlight: 32, ErrandsWaiting: 32,
		TypingEvery: 3 * time.Second, TypingMembers: 200,
		Sessions: 100_000, SessionsPerUser: 20, SessionsPerAddress: 100, HalfOpenPerAddress: 20, HandshakesPerSec: 2000,
		QueueBytes: 1 << 20, QueueFrames: 256, FlushBytes: 64 << 10,
		OnlineFor: 5 * time.Minute, OfflineAfter: 30 * time.Second, PresenceEvery: 10 * time.Second,
		WatchFor: time.Minute, WatchRenew: 20 * time.Second, WatchEvery: 2 * time.Second,
		WatchChecks: 32, Watches: 1_000_000, WatchersPerUser: 2000, WatchedUsers: 200_000,
		Lease: 30 * time.Second, Renew: 10 * time.Second, CheckEvery: 5 * time.Minute, CheckNoBus: 5 * time.Second,
		HeadsKept: 500, HeadsFor: 15 * time.Minute, CheckAtOnce: 1000,
	}
}

// bucket is a token bucket; the zero value is full. Its user guards it.
type bucket struct {
	used float64 // tokens taken and not yet given back
	at   time.Time
}

// take takes one token, or tells how long it lasts until there is one.
func (b *bucket) take(now time.Time, perSecond float64, burst int) (wait time.Duration, ok bool) {
	if !b.at.IsZero() {
		b.used -= now.Sub(b.at).Seconds() * perSecond
	}
	b.used, b.at = max(b.used, 0), now
	if b.used+1 > float64(burst) {
		missing := b.used + 1 - float64(burst)
		return time.Duration(missing / perSecond * float64(time.Second)), false
	}
	b.used++
	return 0, true
}

// idle tells that the bucket is full again, so that it may be forgotten.
func (b *bucket) idle(now time.Time, perSecond float64) bool {
	return b.used-now.Sub(b.at).Seconds()*perSecond <= 0
}
