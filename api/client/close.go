// SPDX-License-Identifier: Apache-2.0

package client

import (
	"strconv"
	"strings"
	"time"
)

// Rule is what a client does after its connection was closed.
type Rule int

// The rules.
const (
	RuleResume Rule = iota // reconnect with back-off, same cursor
	RuleSync               // reconnect, resume with an empty cursor
	RuleWait               // reconnect after the given delay
	RuleLogin              // stop until there is a new token
	RuleStop               // stop until a person acts
)

// RuleOf a close code. A code that nobody knows follows its range.
func RuleOf(code int) Rule {
	switch {
	case code == 1013, code >= 4200 && code < 4300:
		return RuleWait
	case code >= 4100 && code < 4200:
		return RuleSync
	case code >= 4300 && code < 4400:
		return RuleLogin
	case code == 1002, code == 1003, code >= 1007 && code <= 1010, code >= 4400 && code < 4500:
		return RuleStop
	default:
		return RuleResume
	}
}

// pace is a delay that the server asked for.
type pace struct {
	after, jitter time.Duration
	given         bool
}

// parseReason reads "NAME;after=5000;jitter=10000"; what it does not know it skips.
func parseReason(text string) (name string, p pace) {
	parts := strings.Split(text, ";")
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		ms, err := strconv.ParseInt(value, 10, 32)
		if err != nil || ms < 0 {
			continue
		}
		switch key {
		case "after":
			p.after, p.given = time.Duration(ms)*time.Millisecond, true
		case "jitter":
			p.jitter, p.given = time.Duration(ms)*time.Millisecond, true
		}
	}
	return parts[0], p
}

// paceOf a close: what its reason says, else what its code means.
func paceOf(code int, reason string) pace {
	_, p := parseReason(reason)
	if !p.given && code == 1013 {
		return pace{5 * time.Second, 10 * time.Second, true}
	}
	return p
}

const (
	backoffBase = 500 * time.Millisecond
	backoffMax  = 30 * time.Second
)

// backoff is a random wait that may be twice as long after each failure; dice is between 0 and 1.
func backoff(failures int, dice float64) time.Duration {
	limit := backoffMax
	if failures < 6 {
		limit = min(backoffMax, backoffBase<<failures)
	}
	return time.Duration(dice * float64(limit))
}
