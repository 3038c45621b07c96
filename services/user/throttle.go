// SPDX-License-Identifier: Apache-2.0

package user

import (
	"crypto/sha256"
	"net/netip"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// The pace of guessing.
const (
	freeFailures  = 5
	firstDelay    = time.Second
	maxDelay      = 15 * time.Minute
	addressWindow = time.Minute
	// forgetAfter a failure its count starts again. Chosen; no evidence.
	forgetAfter = 24 * time.Hour
)

// AttemptKey names a counter: the SHA-256 of what is counted, so that it has one size and stored
// counters name nobody.
type AttemptKey [sha256.Size]byte

// Attempt is one counter. Times are ms.
type Attempt struct {
	Key          AttemptKey
	Count        int
	ChargedAt    int64 // of an address: start of its window; else the last charge
	BlockedUntil int64
}

func accountKey(username string) AttemptKey {
	return sha256.Sum256([]byte("account\x00" + username))
}

// deviceKey counts a known device apart, so that strangers who guess do not lock its owner out.
func deviceKey(owner ids.UserID, device ids.DeviceID) AttemptKey {
	return sha256.Sum256([]byte("device\x00" + owner.String() + device.String()))
}

// addressKey counts an IPv4 address, or the /64 of an IPv6 one, which is what one household has. Ok is
// false for what is no address.
func addressKey(address string) (key AttemptKey, ok bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return AttemptKey{}, false
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		network, _ := ip.Prefix(64)
		ip = network.Addr()
	}
	return sha256.Sum256([]byte("address\x00" + ip.String())), true
}

// chargeAddress counts one login in a window of a minute; wait is positive if it is one too many.
func chargeAddress(a Attempt, limit int, now int64) (charged Attempt, wait time.Duration) {
	end := a.ChargedAt + addressWindow.Milliseconds()
	if now >= end || now < a.ChargedAt {
		return Attempt{Key: a.Key, Count: 1, ChargedAt: now}, 0
	}
	if a.Count >= limit {
		return a, time.Duration(end-now) * time.Millisecond
	}
	a.Count++
	return a, 0
}

// chargeAccount counts one login as a failure before its password is looked at; wait is positive if it
// comes too early. The fifth failure costs a second, and each further one twice as much.
func chargeAccount(a Attempt, now int64) (charged Attempt, wait time.Duration) {
	if now < a.BlockedUntil {
		return a, time.Duration(a.BlockedUntil-now) * time.Millisecond
	}
	if now-a.ChargedAt >= forgetAfter.Milliseconds() {
		a.Count = 0
	}
	a.Count++
	a.ChargedAt = now
	if over := a.Count - freeFailures; over >= 0 {
		// Shifting further than this overflows; 1 s << 10 is past the maximum already.
		a.BlockedUntil = now + min(firstDelay<<min(over, 10), maxDelay).Milliseconds()
	}
	return a, 0
}

// refundAccount takes one charge back, for a login whose password could not be looked at.
func refundAccount(a Attempt) Attempt {
	a.Count = max(a.Count-1, 0)
	a.BlockedUntil = 0
	return a
}
