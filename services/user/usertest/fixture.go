// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/page"
	"github.com/parley-chat/parley/services/user"
)

// Clock is a clock that a test moves.
type Clock struct{ ms atomic.Int64 }

// NewClock starts at a fixed time.
func NewClock() *Clock {
	c := &Clock{}
	c.ms.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

// Now is the time.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.ms.Load()).UTC() }

// Advance moves the time on.
func (c *Clock) Advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// Fixture is a Service on fakes.
type Fixture struct {
	*user.Service
	Clock     *Clock
	Store     *Store
	Hasher    *Hasher
	Published *Publisher
	SMS       *SMS
	Pictures  *Pictures

	counts codeCounts
}

// codeCounts is a metric of codes.
type codeCounts struct {
	mu sync.Mutex // guards n
	n  map[user.CodeOutcome]int
}

func (c *codeCounts) add(outcome user.CodeOutcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[user.CodeOutcome]int{}
	}
	c.n[outcome]++
}

// CodeCounts is how often codes had each outcome, on all pods.
func (f *Fixture) CodeCounts() map[user.CodeOutcome]int {
	f.counts.mu.Lock()
	defer f.counts.mu.Unlock()
	return maps.Clone(f.counts.n)
}

// NewFixture makes one, with twenty logins a minute for an address.
func NewFixture() *Fixture {
	f := &Fixture{Clock: NewClock(), Store: NewStore(), Hasher: &Hasher{Version: "v1"}, Published: &Publisher{}, SMS: &SMS{}, Pictures: &Pictures{}}
	f.Service = f.Pod()
	return f
}

// Pod is one more process on the same store and clock.
func (f *Fixture) Pod() *user.Service { return f.PodWith(func(*user.Options) {}) }

// PodWith is Pod with other options.
func (f *Fixture) PodWith(change func(*user.Options)) *user.Service {
	options := user.Options{
		AddressLogins: 20, AddressCodes: 10, DailyCodes: 100, CodeKey: []byte("another key for tests"), Pages: page.NewCodec([]byte("a key for tests")), Now: f.Clock.Now,
		Logger: slog.New(slog.DiscardHandler), Origin: func(context.Context) user.Origin { return TestOrigin() }, CountCode: f.counts.add,
	}
	change(&options)
	return user.New(user.Ports{
		Accounts: f.Store, Names: f.Store, Index: &ScanIndex{Store: f.Store}, Records: f.Store, Audit: f.Store, Staff: f.Store, Sessions: f.Store, Ended: f.Store, Attempts: f.Store,
		Codes: f.Store, Quotas: f.Store, Numbers: Numbers{}, SMS: f.SMS,
		Hasher: f.Hasher, Text: Text{}, Publisher: f.Published, Pictures: f.Pictures,
	}, options)
}

// TestOrigin is where all calls of a fixture come from.
func TestOrigin() user.Origin { return user.Origin{Address: "203.0.113.9", RequestID: "test-request"} }

// Password is a password that the policy takes.
const Password = "correct horse battery"

// Person registers somebody with Password and a new device.
func (f *Fixture) Person(t testing.TB, username, nickname string) user.Login {
	t.Helper()
	login, err := f.Register(t.Context(), user.Registration{
		Username: username, Nickname: nickname, Password: Password, Device: NewDevice(),
	})
	if err != nil {
		t.Fatalf("register %s: %v", username, err)
	}
	return login
}

// NewDevice is a device that nobody has seen.
func NewDevice() user.Device {
	return user.Device{ID: ids.NewDevice(), Name: "test device", Address: "192.0.2.7"}
}

// CallerOf is who calls with the token of a login.
func CallerOf(login user.Login) user.Caller {
	return user.Caller{UserID: login.Session.UserID, SessionID: login.Session.ID}
}

// LoginAs logs somebody in on a new device, with Password.
func (f *Fixture) LoginAs(t testing.TB, username string) user.Login {
	t.Helper()
	login, err := f.Login(t.Context(), user.Credential{Username: username, Password: Password, Device: NewDevice()})
	if err != nil {
		t.Fatalf("login of %s: %v", username, err)
	}
	return login
}

// Staff registers somebody who has a role.
func (f *Fixture) Staff(t testing.TB, username string, role user.Role) user.Caller {
	t.Helper()
	login := f.Person(t, username, username)
	f.Store.Promote(login.Session.UserID, role)
	return CallerOf(login)
}
