// SPDX-License-Identifier: Apache-2.0

package user

import (
	"context"
	"errors"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
)

// CodeOutcome is what became of a code, or of the wish for one.
type CodeOutcome string

// The outcomes.
const (
	CodeSent     CodeOutcome = "sent"
	CodeFailed   CodeOutcome = "failed" // the provider did not confirm it
	CodeVerified CodeOutcome = "verified"
	CodeWrong    CodeOutcome = "wrong"   // or too late, or for something else
	CodeLimited  CodeOutcome = "limited" // by a quota or a budget
	CodeBlocked  CodeOutcome = "blocked" // its block of numbers is a pump
)

// CodeOutcomes lists all of them.
func CodeOutcomes() []CodeOutcome {
	return []CodeOutcome{CodeSent, CodeFailed, CodeVerified, CodeWrong, CodeLimited, CodeBlocked}
}

// What makes a block of numbers, those that differ in their last four digits, look like a pump: somebody who
// is paid for messages asks for codes and has no use for them.
const (
	pumpWindow  = 24 * time.Hour
	pumpCodes   = 50 // fewer tell nothing
	pumpPercent = 30 // so many are verified where people ask
	pumpPause   = time.Hour
)

func (s *Service) countCode(outcome CodeOutcome) {
	if s.codes.count != nil {
		s.codes.count(outcome)
	}
}

// checkPump refuses a code to a block of numbers whose codes are hardly ever verified. Codes that may still be
// verified do not count. The block ends by itself, when what was sent is a day old.
func (s *Service) checkPump(ctx context.Context, number Number) error {
	until := s.millis() - codeLife.Milliseconds()
	sent, verified, err := s.Codes.Verified(ctx, blockOf(number.Phone), until-pumpWindow.Milliseconds(), until)
	if err != nil {
		return err
	}
	if sent < pumpCodes || verified*100 >= sent*pumpPercent {
		return nil
	}
	s.countCode(CodeBlocked)
	s.logger.ErrorContext(ctx, "codes for a block of numbers are hardly ever used, so it gets none",
		"country", number.Country, "sent", sent, "verified", verified)
	return ErrRateLimited.With("limit", "codes_of_prefix").After(pumpPause)
}

// blockOf names a block of numbers without telling which.
func blockOf(phone Phone) AttemptKey { return scopeOf("codes of prefix", phone.prefix()) }

// noteCode counts what became of a code and writes it into the audit log. How many entries there are is
// bounded by the budget of codes. The account of the number is not looked at.
func (s *Service) noteCode(ctx context.Context, m CodeMessage, err error) {
	outcome, action := CodeSent, ActionCodeSent
	if err != nil {
		outcome, action = CodeFailed, ActionCodeFailed
	}
	s.countCode(outcome)
	s.noteLate(ctx, AuditEntry{Action: action, Detail: "purpose=" + m.Purpose.String() + " code=" + m.ID.String()})
}

// String is the purpose as the audit log has it.
func (p Purpose) String() string {
	names := map[Purpose]string{
		ToRegister: "register", ToLogin: "login", ToResetPassword: "reset_password", ToSetPhone: "set_phone",
		ToConfirmOldPhone: "confirm_old_phone",
	}
	return names[p]
}

// How many entries failed logins write in an hour; what fails beyond is in the metric of calls only.
const (
	maxFailedOfAccount = 20
	maxFailedOfAddress = 60
	maxFailedInAll     = 2000
)

// noteFailedLogin writes a failed login into the audit log, in bounds. It costs the same whether or not the
// name has an account.
func (s *Service) noteFailedLogin(ctx context.Context, key AttemptKey, owner ids.UserID, c Credential, why error) {
	quotas := []Quota{
		{scopeOf("failed logins", ""), time.Hour, maxFailedInAll},
		{scopeOf("failed logins of account", string(key[:])), time.Hour, maxFailedOfAccount},
	}
	if address, ok := addressKey(c.Address); ok {
		quotas = append(quotas, Quota{scopeOf("failed logins of address", string(address[:])), time.Hour, maxFailedOfAddress})
	}
	ctx = context.WithoutCancel(ctx)
	err := s.use(ctx, quotas, func(int, time.Duration) error { return ErrRateLimited })
	switch {
	case err == nil:
		s.noteLate(ctx, AuditEntry{Action: ActionLoginFailed, Target: owner, Detail: "why=" + whyFailed(why)})
	case !errors.Is(err, ErrRateLimited):
		s.logger.ErrorContext(ctx, "an audit entry was not written", "action", ActionLoginFailed, "error", err)
	}
}

func whyFailed(err error) string {
	switch {
	case errors.Is(err, ErrInvalidCredentials):
		return "credentials"
	case errors.Is(err, ErrSuspended):
		return "suspended"
	case errors.Is(err, ErrRateLimited):
		return "limit"
	default:
		return "other"
	}
}
