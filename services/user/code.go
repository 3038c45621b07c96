// SPDX-License-Identifier: Apache-2.0

package user

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"time"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// What a code is good for; part of the product, not settings.
const (
	codeLife    = 5 * time.Minute
	codeTries   = 5
	resendAfter = time.Minute
	smsTimeout  = 6 * time.Second // a provider's connect and read time
	codeRange   = 1_000_000       // six digits
)

// Purpose says what a code is good for. The numbers are those of the wire.
type Purpose int

// The purposes.
const (
	ToRegister Purpose = iota + 1
	ToLogin
	ToResetPassword
	ToSetPhone
	ToConfirmOldPhone
)

// Code is a code as it is stored. Times are ms.
type Code struct {
	ID        ids.CodeRequestID
	Block     AttemptKey        // of the number
	MAC       [sha256.Size]byte // over id, purpose, phone and digits: nothing else makes it right
	CreatedAt int64
	TryCount  int
	UsedAt    int64 // 0 until it was right
}

// PhoneCode is what the holder of a phone shows.
type PhoneCode struct {
	ID     ids.CodeRequestID
	Digits Digits
}

// CodeMessage is what a provider sends.
type CodeMessage struct {
	ID      ids.CodeRequestID // ours, for the provider's report
	Number  Number
	Digits  Digits
	Purpose Purpose
}

// CodeRequest asks for a code.
type CodeRequest struct {
	Phone   string // as the client sent it
	Purpose Purpose
	Address string // of the client; empty if unknown, then no limit per address applies
}

// SentCode is a code on its way.
type SentCode struct {
	ID          ids.CodeRequestID
	ResendAfter time.Duration
	ExpiresIn   time.Duration
}

// codeOptions are those of Options that codes need.
type codeOptions struct {
	key        []byte
	perAddress int
	perDay     int
	perCountry int
	countries  []string
	count      func(CodeOutcome)
}

// SendsCodes tells whether this instance has a provider of codes at all.
func (s *Service) SendsCodes() bool { return s.SMS != nil }

// RequestCode sends a code. Whether the number has an account is never looked at here, so nobody can see it
// in the answer, in its time, or in what was sent.
func (s *Service) RequestCode(ctx context.Context, r CodeRequest) (SentCode, error) {
	if !s.SendsCodes() {
		return SentCode{}, ErrSMSUnavailable
	}
	number, err := s.Numbers.Parse(r.Phone)
	if err != nil {
		return SentCode{}, err
	}
	if len(s.codes.countries) > 0 && !slices.Contains(s.codes.countries, number.Country) {
		return SentCode{}, fault.InvalidField("phone", "country")
	}
	if err := s.checkPump(ctx, number); err != nil {
		return SentCode{}, err
	}
	if err := s.useCode(ctx, number, r.Address); err != nil {
		return SentCode{}, err
	}
	digits, err := newDigits()
	if err != nil {
		return SentCode{}, err
	}
	id := ids.NewCodeRequest()
	code := Code{ID: id, CreatedAt: s.millis(), Block: blockOf(number.Phone), MAC: s.codeMAC(PhoneCode{id, digits}, number.Phone, r.Purpose)}
	if err := s.Codes.Keep(ctx, code); err != nil {
		return SentCode{}, err
	}
	message := CodeMessage{ID: id, Number: number, Digits: digits, Purpose: r.Purpose}
	err = s.send(ctx, message)
	s.noteCode(ctx, message, err)
	if err != nil {
		return SentCode{}, err
	}
	return SentCode{ID: id, ResendAfter: resendAfter, ExpiresIn: codeLife}, nil
}

// useCode counts one code before it is sent; what is sent in vain counts too.
func (s *Service) useCode(ctx context.Context, number Number, address string) error {
	scope := scopeOf("codes of phone", number.Phone.Reveal())
	names := []string{"codes", "codes_of_country", "codes_of_phone", "codes_of_phone", "codes_of_phone", "codes_of_prefix", "codes_of_address"}
	quotas := []Quota{
		{scopeOf("codes", ""), 24 * time.Hour, s.codes.perDay}, // the two budgets stay first, see below
		{scopeOf("codes of country", number.Country), 24 * time.Hour, cmp.Or(s.codes.perCountry, s.codes.perDay)},
		{scope, resendAfter, 1},
		{scope, time.Hour, 5},
		{scope, 24 * time.Hour, 10},
		{blockOf(number.Phone), time.Hour, 20},
	}
	if key, ok := addressKey(address); ok && s.codes.perAddress > 0 {
		quotas = append(quotas, Quota{scopeOf("codes of address", string(key[:])), time.Hour, s.codes.perAddress})
	}
	return s.use(ctx, quotas, func(index int, wait time.Duration) error {
		s.countCode(CodeLimited)
		if index <= 1 {
			s.logger.ErrorContext(ctx, "a budget of codes for a day is used up",
				"budget", names[index], "country", number.Country, "limit", quotas[index].Limit)
			return ErrSMSUnavailable.After(wait)
		}
		return ErrRateLimited.With("limit", names[index]).After(wait)
	})
}

// send is one try with a bound. What the provider says is logged, without number and code.
func (s *Service) send(ctx context.Context, m CodeMessage) error {
	ctx, cancel := context.WithTimeout(ctx, smsTimeout)
	defer cancel()
	err := s.SMS.Send(ctx, m)
	if err == nil {
		return nil
	}
	level := slog.LevelWarn
	if errors.Is(err, ErrSMSAccount) {
		level = slog.LevelError // somebody must act
	}
	s.logger.Log(ctx, level, "a code was not confirmed as sent", "code_request_id", m.ID.String(), "error", err)
	if _, told := fault.Of(err); !told {
		err = ErrSMSUnavailable.Because(err)
	}
	return err
}

// redeem uses a code up. Every way to be wrong gives one answer.
func (s *Service) redeem(ctx context.Context, shown PhoneCode, phone Phone, purpose Purpose) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	mac, now := s.codeMAC(shown, phone, purpose), s.millis()
	right := false
	err := s.Codes.Try(ctx, shown.ID, func(code Code) Code {
		right = false // the transaction may run again
		code, right = code.try(mac, now)
		return code
	})
	if errors.Is(err, ErrNotFound) || err == nil && !right {
		s.countCode(CodeWrong)
		return ErrCodeInvalid
	}
	if err == nil {
		s.countCode(CodeVerified)
	}
	return err
}

// try counts before it compares; what cannot be right any more is not counted.
func (c Code) try(mac [sha256.Size]byte, now int64) (after Code, right bool) {
	if c.UsedAt != 0 || c.TryCount >= codeTries || now-c.CreatedAt >= codeLife.Milliseconds() {
		return c, false
	}
	c.TryCount++
	if !hmac.Equal(c.MAC[:], mac[:]) {
		return c, false
	}
	c.UsedAt = now
	return c, true
}

// codeMAC binds digits to all that they are good for.
func (s *Service) codeMAC(shown PhoneCode, phone Phone, purpose Purpose) [sha256.Size]byte {
	mac := hmac.New(sha256.New, s.codes.key)
	_, _ = fmt.Fprintf(mac, "%s\x00%d\x00%s\x00%s", shown.ID, purpose, phone.Reveal(), shown.Digits.Reveal())
	return [sha256.Size]byte(mac.Sum(nil))
}

// newDigits makes six random digits, all of them alike.
func newDigits() (Digits, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(codeRange))
	if err != nil {
		return Digits{}, fmt.Errorf("make a code: %w", err)
	}
	return DigitsOf(fmt.Sprintf("%06d", n)), nil
}
