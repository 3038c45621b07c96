// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"crypto/sha256"
	"time"
)

// Quota allows Limit uses of a scope in any stretch of time as long as Window.
type Quota struct {
	Scope  AttemptKey
	Window time.Duration
	Limit  int
}

// longestQuota is the longest Window: older uses count nowhere.
const longestQuota = 24 * time.Hour

// scopeOf names what is counted, without telling whose it is.
func scopeOf(kind, what string) AttemptKey { return sha256.Sum256([]byte(kind + "\x00" + what)) }

// use notes one use in all scopes. If one of the quotas is used up it notes nothing, and answers the refusal
// of the first such quota with the time until it is free again.
func (s *Service) use(ctx context.Context, quotas []Quota, refusal func(index int, wait time.Duration) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	now := s.millis()
	return s.Quotas.Use(ctx, quotas, now, func(nth []int64) error {
		for i, at := range nth {
			if at == 0 {
				continue
			}
			if wait := time.Duration(at-now)*time.Millisecond + quotas[i].Window; wait > 0 {
				return refusal(i, wait)
			}
		}
		return nil
	})
}
