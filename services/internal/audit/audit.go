// SPDX-License-Identifier: Apache-2.0

// Package audit is what the audit logs of services have in common.
//
// A service that owns tables has a log of its own, so that an entry is written in the transaction of what it
// tells. Nothing changes an entry: sub-package auditsql holds the one statement that writes, and those that read.
package audit

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Entry is a fact that nobody can change any more.
type Entry struct {
	ID     ids.AuditEntryID
	At     int64      // ms
	Actor  ids.UserID // zero: the platform, or nobody who is known
	Action string
	Target ids.UserID // zero: no account
	Reason string     // in the words of the actor; may be empty
	Detail string     // key=value pairs with spaces between them; never what a person wrote
	Origin
}

// Origin is where a call came from.
type Origin struct {
	Address   string // of the client; empty inside the cluster
	RequestID string
}

// Query chooses entries, newest first; zero fields choose all.
type Query struct {
	Actor, Target ids.UserID
	Action        string
	From, Until   int64 // ms; at or after, before
	After         Place
	Limit         int
}

// Place is where a page ends; zero: before the newest entry.
type Place struct {
	At int64
	ID ids.AuditEntryID
}

// Sizes of the log.
const (
	maxReason      = 300 // code points
	maxReasonBytes = 1024
	maxOrigin      = 64 // bytes; an address of IPv6 has 45
	defaultPage    = 50
	maxPage        = 100
)

// New completes an entry with an id and its origin.
func New(e Entry, from Origin) Entry {
	e.ID = ids.NewAuditEntry()
	e.Address, e.RequestID = cut(from.Address), cut(from.RequestID)
	return e
}

func cut(text string) string { return strings.ToValidUTF8(text[:min(len(text), maxOrigin)], "") }

// PageSize is how many entries a page has for a wish; 0 is none.
func PageSize(wish int) int {
	if wish <= 0 {
		return defaultPage
	}
	return min(wish, maxPage)
}

// CheckReason trims why somebody acts, and applies its rules.
func CheckReason(reason string) (string, error) {
	clean := strings.TrimSpace(reason)
	switch n := utf8.RuneCountInString(clean); {
	case n == 0:
		return "", fault.InvalidField("reason", "min_len")
	case n > maxReason, len(clean) > maxReasonBytes:
		return "", fault.InvalidField("reason", "max_len")
	case strings.ContainsFunc(clean, isUnfit):
		return "", fault.InvalidField("reason", "characters")
	}
	return clean, nil
}

// isUnfit tells what breaks or forges a line in a list: controls but the line break, and the explicit
// bidirectional controls of UAX 9.
func isUnfit(r rune) bool {
	switch {
	case r == '\n':
		return false
	case unicode.IsControl(r), r == utf8.RuneError, r == '\u2028', r == '\u2029':
		return true
	default:
		return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
	}
}
