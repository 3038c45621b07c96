// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus/client_golang/prometheus"

	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	// pollEvery is how often ended login sessions are asked for; the product promises 2 s in all.
	pollEvery = time.Second
	// freshFor is how long an answer counts; a setting of the product.
	freshFor = 30 * time.Second
	// trustFor bounds the age of what is remembered, so that use is noted where idle sessions expire.
	trustFor = 5 * time.Minute
	// receiptsFor bounds the age of what is known of a user's read markers; the product promises 2 s in all.
	receiptsFor = time.Second
	// callDeadline bounds each call of the user service.
	callDeadline = 3 * time.Second
	// maxRemembered bounds the tokens in memory: more than a pod has sessions. About 300 bytes each.
	maxRemembered = 1 << 17
	// maxEnded bounds the ended login sessions in memory: many more than end while one call is under way.
	maxEnded = 1 << 14
)

// Auth is the part of the user service that is called. Errors are faults.
type Auth interface {
	// VerifyToken answers what a token proves.
	VerifyToken(ctx context.Context, in *userv1.VerifyTokenRequest) (*userv1.VerifyTokenResponse, error)
	// ListRevocations continues the list of ended login sessions.
	ListRevocations(ctx context.Context, in *userv1.ListRevocationsRequest) (*userv1.ListRevocationsResponse, error)
}

// Options of New; all fields are required.
type Options struct {
	Auth Auth
	// Ended hears of each login session that has ended, perhaps more than once; it must not block.
	Ended      func(ids.LoginSessionID, gateway.EndReason)
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// digest is the SHA-256 of a token.
type digest [sha256.Size]byte

// proof is what a token proves, for a while.
type proof struct {
	token string // to verify again after a reset
	login gateway.Login
	until time.Time

	receiptsHidden bool
	asked          time.Time // when receiptsHidden was true at the earliest
}

// Verifier is a gateway.Tokens. It is safe for concurrent use.
type Verifier struct {
	auth   Auth
	tell   func(ids.LoginSessionID, gateway.EndReason)
	now    func() time.Time
	logger *slog.Logger
	checks *prometheus.CounterVec

	mu         sync.Mutex // guards what follows
	proofs     *lru.Cache[digest, proof]
	ended      *lru.Cache[ids.LoginSessionID, struct{}]
	digests    map[ids.LoginSessionID]map[digest]struct{} // the keys of proofs by login session
	resets     uint64                                     // how often everything was forgotten
	answeredAt time.Time                                  // last answer of ListRevocations; zero before the first

	// Owned by Run.
	position string
	doubtful []proof // forgotten by a reset and not verified again yet
}

// New makes a verifier; it is not fresh before Run had its first answer.
func New(o Options) (*Verifier, error) {
	v := &Verifier{
		auth: o.Auth, tell: o.Ended, now: o.Now, logger: o.Logger,
		digests: map[ids.LoginSessionID]map[digest]struct{}{},
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_gateway_token_checks_total",
			Help: "Tokens checked, by outcome.",
		}, []string{"outcome"}),
	}
	var err error
	if v.proofs, err = lru.NewWithEvict(maxRemembered, v.forgetDigest); err != nil {
		return nil, fmt.Errorf("cache of tokens: %w", err)
	}
	if v.ended, err = lru.New[ids.LoginSessionID, struct{}](maxEnded); err != nil {
		return nil, fmt.Errorf("cache of ended sessions: %w", err)
	}
	o.Registerer.MustRegister(v.checks)
	return v, nil
}

// Fresh tells whether the last answer of the user service is younger than 30 s.
func (v *Verifier) Fresh() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !v.answeredAt.IsZero() && v.now().Sub(v.answeredAt) < freshFor
}

// Verify answers what a token proves, from memory where it can.
func (v *Verifier) Verify(ctx context.Context, token string) (gateway.Login, error) {
	login, outcome, err := v.verify(ctx, token)
	v.checks.WithLabelValues(outcome).Inc()
	return login, err
}

func (v *Verifier) verify(ctx context.Context, token string) (login gateway.Login, outcome string, err error) {
	if !v.Fresh() {
		return gateway.Login{}, "not_fresh", fmt.Errorf("revocations are not known: %w", fault.ErrUnavailable)
	}
	key := digest(sha256.Sum256([]byte(token)))
	if login, ok := v.recall(key); ok {
		return login, "remembered", nil
	}
	for {
		resets := v.resetCount()
		p, err := v.ask(ctx, token)
		if err != nil {
			return gateway.Login{}, outcomeOf(err), err
		}
		kept, err := v.remember(key, p, resets)
		if err != nil {
			return gateway.Login{}, "ended", err
		}
		if kept {
			return p.login, "verified", nil
		}
	}
}

// Role answers what the user of a token may do for the platform. It is never remembered: an act of an
// administrator is rare, and one whose role was just taken away must not pass.
func (v *Verifier) Role(ctx context.Context, token string) (accessv1.Role, error) {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	answer, err := v.auth.VerifyToken(ctx, &userv1.VerifyTokenRequest{Token: token})
	v.checks.WithLabelValues(outcomeOf(err)).Inc()
	if err != nil {
		return accessv1.Role_ROLE_UNSPECIFIED, fmt.Errorf("verify token: %w", err)
	}
	return answer.GetRole(), nil
}

// ReceiptsHidden answers from memory for a second, as nobody tells of a change. Where nobody can tell it is
// true: what was read is shown with the next reading then, while one that was shown cannot be taken back.
func (v *Verifier) ReceiptsHidden(ctx context.Context, token string) bool {
	key := digest(sha256.Sum256([]byte(token)))
	if hidden, ok := v.recallReceipts(key); ok {
		return hidden
	}
	resets := v.resetCount()
	p, err := v.ask(ctx, token)
	v.checks.WithLabelValues(outcomeOf(err)).Inc()
	if err != nil {
		return true
	}
	_, err = v.remember(key, p, resets)
	return err != nil || p.receiptsHidden
}

// ask calls the user service.
func (v *Verifier) ask(ctx context.Context, token string) (proof, error) {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	asked := v.now()
	answer, err := v.auth.VerifyToken(ctx, &userv1.VerifyTokenRequest{Token: token})
	if err != nil {
		return proof{}, fmt.Errorf("verify token: %w", err)
	}
	login, err := toLogin(answer)
	if err != nil {
		return proof{}, fmt.Errorf("answer of verify token: %w", err)
	}
	until := asked.Add(trustFor)
	if end := time.UnixMilli(answer.GetExpiresAt()); answer.GetExpiresAt() > 0 && end.Before(until) {
		until = end
	}
	return proof{token: token, login: login, until: until, receiptsHidden: answer.GetReceiptsHidden(), asked: asked}, nil
}

func toLogin(answer *userv1.VerifyTokenResponse) (login gateway.Login, err error) {
	if login.User, err = ids.ParseUser("user_id", answer.GetUserId()); err != nil {
		return login, err
	}
	if login.Session, err = ids.ParseLoginSession("login_session_id", answer.GetLoginSessionId()); err != nil {
		return login, err
	}
	login.Until = answer.GetExpiresAt()
	login.Device, err = ids.ParseDevice("device_id", answer.GetDeviceId())
	return login, err
}

func outcomeOf(err error) string {
	if err == nil {
		return "verified"
	}
	if fault.KindOf(err) == fault.Unauthenticated {
		return "refused"
	}
	return "unavailable"
}
