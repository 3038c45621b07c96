// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/parley-chat/parley/services/internal/page"
)

// writeTimeout bounds every call that ends a login session. The time of the ending is taken before its
// transaction; it must be shorter than the overlap with which other processes read (revocation.go).
const writeTimeout = 5 * time.Second

// Ports are what the service needs of its surroundings.
type Ports struct {
	Accounts  Accounts
	Names     Names
	Index     Finder // of nicknames; nil: there is none
	Records   Records
	Audit     Audit
	Staff     Staff
	Sessions  Sessions
	Ended     EndedSessions
	Attempts  Attempts
	Codes     Codes
	Quotas    Quotas
	Numbers   Numbers
	SMS       SMS // nil: no codes are sent
	Hasher    Hasher
	Text      Text
	Publisher Publisher
	Pictures  Pictures // nil: nobody gets a picture
}

// Options set a Service.
type Options struct {
	// AddressLogins is how many logins one client address may try in a minute; 0 means any number.
	AddressLogins int
	// AddressCodes is how many codes one client address may ask for in an hour; 0 means any number.
	AddressCodes int
	// DailyCodes is how many codes are sent in a day in all: the breaker for cost.
	DailyCodes int
	// CountryCodes is how many of them go to one country; 0 means DailyCodes.
	CountryCodes int
	// Countries are the ISO codes of the countries whose numbers get codes; empty: all.
	Countries []string
	// CountCode hears of each code once for what became of it; nil: nobody counts.
	CountCode func(CodeOutcome)
	// CodeKey makes the stored form of codes; all processes need the same.
	CodeKey []byte
	// Pages makes page tokens and positions; all processes need the same key.
	Pages page.Codec
	// Origin tells where a call came from, for the audit log; nil: nobody knows.
	Origin func(ctx context.Context) Origin
	// Now is the clock.
	Now func() time.Time
	// Logger hears of background work that failed.
	Logger *slog.Logger
}

// Service is the domain of accounts and login sessions. It is safe for concurrent use.
type Service struct {
	Ports
	passwords     Passwords
	revocations   *Revocations
	pages         page.Codec
	addressLogins int
	codes         codeOptions
	origin        func(ctx context.Context) Origin
	now           func() time.Time
	logger        *slog.Logger
}

// New makes a Service. Its Revocations have to be run by the caller.
func New(ports Ports, options Options) *Service {
	return &Service{
		Ports:         ports,
		passwords:     NewPasswords(),
		revocations:   newRevocations(ports.Ended, options),
		pages:         options.Pages,
		addressLogins: options.AddressLogins,
		codes: codeOptions{
			key: options.CodeKey, perAddress: options.AddressCodes, perDay: options.DailyCodes, countries: options.Countries,
			perCountry: options.CountryCodes, count: options.CountCode,
		},
		origin: options.Origin,
		now:    options.Now,
		logger: options.Logger,
	}
}

// Revocations is the list of login sessions that ended lately.
func (s *Service) Revocations() *Revocations { return s.revocations }

// millis is the current time in ms.
func (s *Service) millis() int64 { return s.now().UnixMilli() }

// Cleaning, chosen without evidence: small steps, so that no transaction is long.
const (
	cleanEvery = 10 * time.Minute
	cleanStep  = 500
)

// RunCleaner removes counters and login sessions that nobody needs any more, until ctx ends.
func (s *Service) RunCleaner(ctx context.Context) error {
	ticker := time.NewTicker(cleanEvery)
	defer ticker.Stop()
	for {
		if err := s.Clean(ctx); err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "cleaning of ended sessions failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Clean makes one round of cleaning.
func (s *Service) Clean(ctx context.Context) error {
	now := s.now()
	ended, created := now.Add(-keepEnded).UnixMilli(), now.Add(-absoluteLife-keepEnded).UnixMilli()
	before := func(d time.Duration) int64 { return now.Add(-d).UnixMilli() }
	return errors.Join(
		inSteps(func() (int, error) { return s.Ended.ForgetEnded(ctx, ended, created, cleanStep) }),
		inSteps(func() (int, error) { return s.Attempts.ForgetAttempts(ctx, before(forgetAfter), cleanStep) }),
		inSteps(func() (int, error) { return s.Codes.ForgetCodes(ctx, before(pumpWindow+2*codeLife), cleanStep) }),
		inSteps(func() (int, error) { return s.Quotas.ForgetUses(ctx, before(longestQuota), cleanStep) }),
	)
}

// inSteps repeats a step that had as much to do as it may.
func inSteps(step func() (int, error)) error {
	for {
		if n, err := step(); err != nil || n < cleanStep {
			return err
		}
	}
}
