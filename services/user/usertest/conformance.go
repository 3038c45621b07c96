// SPDX-License-Identifier: Apache-2.0

package usertest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/user"
)

// TestStorage is what every Storage has to pass. Open makes an empty one.
func TestStorage(t *testing.T, open func(t *testing.T) Storage) {
	t.Helper()
	rows := map[string]func(*testing.T, Storage){
		"an account comes back as it was stored":                     testAccountRoundTrip,
		"a username is unique byte for byte":                         testUsernameIsUnique,
		"of many who register one name at once, one gets it":         testRegistrationRace,
		"a rewriting sees the account and may write nothing":         testRewrite,
		"all that a rewriting names is written":                      testRewriteAll,
		"rewritings of one account do not lose each other":           testRewriteRace,
		"who hides their presence is left out":                       testUnhidden,
		"numbers of those who show them to friends":                  testFriendPhones,
		"a name that was given up is blocked for others for a while": testRetiredUsername,
		"of many who rename themselves alike, one succeeds":          testRenameRace,
		"a deleted account leaves its id and no name":                testDeleted,
		"a phone number belongs to one account":                      testPhone,
		"of many who take one number at once, one gets it":           testPhoneRace,
		"a code comes back as it was decided":                        testCode,
		"tries of one code wait for each other":                      testCodeRace,
		"a quota is exact in every stretch of time":                  testQuota,
		"parallel uses of one quota count each other":                testQuotaRace,
		"old codes and uses are forgotten":                           testForgetCodes,
		"codes of a block of numbers are counted":                    testVerified,
		"a login whose proof is outdated opens nothing":              testOutdatedProof,
		"nicknames are scanned by prefix, in order, from a place on": testSearch,
		"names are read and scanned with their revision":             testNames,
		"a login session comes back as it was stored":                testSessionRoundTrip,
		"opening ends what gives way, in the same step":              testOpen,
		"only its owner ends a session, and only once":               testEnd,
		"the last use moves forward and only of live sessions":       testTouch,
		"a device is known by any session, also an ended one":        testKnowsDevice,
		"what ended is listed newest first from a time on":           testEndedSince,
		"old sessions are forgotten, young ones stay":                testForgetEnded,
		"counters start at zero and keep what was decided":           testCharge,
		"a refused charge leaves everything as it was":               testRefusedCharge,
		"parallel charges count each other":                          testChargeRace,
		"old counters are forgotten":                                 testForgetAttempts,
		"an act sees who has a role, and writes one":                 testAct,
		"a login that races a suspension never survives it":          testBanRace,
		"of two owners who take each other's role, one remains":      testOwnerRace,
		"a link is claimed once, also by many at once":               testLink,
		"the audit log is read by actor, target, action and time":    testAudit,
	}
	for name, run := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t))
		})
	}
}

func newAccount(username, key string) user.NewAccount {
	return user.NewAccount{
		Credentials: user.Credentials{
			Account:      user.Account{ID: ids.NewUser(), Username: username, Nickname: "Nick " + username, CreatedAt: 1000},
			PasswordHash: "hash of " + username,
		},
		NicknameKey: []byte(key),
	}
}

func newSession(owner ids.UserID, at int64) user.LoginSession {
	s := user.LoginSession{
		ID: ids.NewLoginSession(), UserID: owner, Device: NewDevice(), CreatedAt: at, LastUsedAt: at,
	}
	copy(s.TokenHash[:], s.ID[:]) // as unique as a hash
	return s
}

// create stores an account with one session, made at 1000.
func create(t *testing.T, s Storage, a user.NewAccount) user.LoginSession {
	t.Helper()
	session := newSession(a.Account.ID, 1000)
	if err := s.Create(t.Context(), a, session); err != nil {
		t.Fatalf("create %s: %v", a.Account.Username, err)
	}
	return session
}

func testAccountRoundTrip(t *testing.T, s Storage) {
	a := newAccount("ann", "ann")
	a.Account.Nickname, a.Account.Description = "  Änn 世界 🙂", "line one\nline two "
	create(t, s, a)
	got, err := s.ByUsername(t.Context(), "ann")
	if diff := cmp.Diff(a.Credentials, got.Credentials); err != nil || diff != "" {
		t.Errorf("by username: %v (-want +got):\n%s", err, diff)
	}
	list, err := s.ByIDs(t.Context(), []ids.UserID{a.Account.ID, ids.NewUser()})
	if diff := cmp.Diff([]user.Account{a.Account}, list); err != nil || diff != "" {
		t.Errorf("by ids: %v (-want +got):\n%s", err, diff)
	}
	if err := s.ReplacePasswordHash(t.Context(), a.Account.ID, a.PasswordHash, "newer"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.ByUsername(t.Context(), "ann"); err != nil || got.PasswordHash != "newer" {
		t.Errorf("hash %q, %v; want the newer one", got.PasswordHash, err)
	}
}

func testUsernameIsUnique(t *testing.T, s Storage) {
	create(t, s, newAccount("ann", "ann"))
	if err := s.Create(t.Context(), newAccount("ann", "x"), newSession(ids.NewUser(), 1)); !errors.Is(err, user.ErrUsernameTaken) {
		t.Errorf("the same name again: %v, want ErrUsernameTaken", err)
	}
	for _, other := range []string{"ann ", "Ann", "änn", "an"} {
		if _, err := s.ByUsername(t.Context(), other); !errors.Is(err, user.ErrNotFound) {
			t.Errorf("%q is found (%v), want ErrNotFound", other, err)
		}
		create(t, s, newAccount(other, "x"))
	}
}

func testRegistrationRace(t *testing.T, s Storage) {
	var won atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			a := newAccount("bob", "bob")
			switch err := s.Create(t.Context(), a, newSession(a.Account.ID, 1)); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, user.ErrUsernameTaken):
				t.Errorf("create: %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d got the name, want 1", won.Load())
	}
}

func testSearch(t *testing.T, s Storage) {
	for i, key := range []string{"anna", "ann", "annb", "anm", "bob", "王", "王小", "王小明", "李", "ann"} {
		create(t, s, newAccount(fmt.Sprintf("user%d", i), key))
	}
	rows := []struct {
		prefix string
		want   []string
	}{
		{"ann", []string{"ann", "ann", "anna", "annb"}},
		{"an", []string{"anm", "ann", "ann", "anna", "annb"}},
		{"王", []string{"王", "王小", "王小明"}},
		{"王小", []string{"王小", "王小明"}},
		{"%", nil},
		{"a_n", nil},
		{"Ann", nil},
		{"ann ", nil},
	}
	for _, row := range rows {
		var got []string
		var after user.NameCursor
		for { // pages of two
			page, err := s.SearchByNickname(t.Context(), user.NameQuery{Prefix: []byte(row.prefix), After: after, Limit: 2})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range page {
				got = append(got, string(f.Place.Key))
				after = f.Place
			}
			if len(page) < 2 {
				break
			}
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("prefix %q (-want +got):\n%s", row.prefix, diff)
		}
	}
}

func testSessionRoundTrip(t *testing.T, s Storage) {
	a := newAccount("ann", "ann")
	want := create(t, s, a)
	got, err := s.ByToken(t.Context(), want.TokenHash)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("by token: %v (-want +got):\n%s", err, diff)
	}
	if _, err := s.ByToken(t.Context(), user.TokenHash{1}); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("unknown token: %v, want ErrNotFound", err)
	}
	list, err := s.List(t.Context(), a.Account.ID)
	if diff := cmp.Diff([]user.LoginSession{want}, list); err != nil || diff != "" {
		t.Errorf("list: %v (-want +got):\n%s", err, diff)
	}
}

func testOpen(t *testing.T, s Storage) {
	a := newAccount("ann", "ann")
	first := create(t, s, a)
	second := newSession(a.Account.ID, 2000)
	err := s.Open(t.Context(), second, 0, func(_ int64, existing []user.LoginSession) (user.Opening, error) {
		if diff := cmp.Diff([]user.LoginSession{first}, existing); diff != "" {
			t.Errorf("open sees (-want +got):\n%s", diff)
		}
		return user.Opening{
			Endings: []user.Ending{{ID: first.ID, Reason: user.Replaced}},
			Audit:   &user.AuditEntry{ID: ids.NewAuditEntry(), At: 2000, Action: "opened"},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	first.EndedAt, first.EndReason = 2000, user.Replaced
	if got, err := s.ByToken(t.Context(), first.TokenHash); err != nil || !cmp.Equal(first, got) {
		t.Errorf("the first session: %v %s", err, cmp.Diff(first, got))
	}
	if list, err := s.List(t.Context(), a.Account.ID); err != nil || !cmp.Equal([]user.LoginSession{second}, list) {
		t.Errorf("live sessions: %v %s", err, cmp.Diff([]user.LoginSession{second}, list))
	}
	if log, err := s.Entries(t.Context(), user.AuditQuery{Action: "opened", Limit: 9}); err != nil || len(log) != 1 {
		t.Errorf("audit log: %v, %v; want the entry of the opening", log, err)
	}
	nobody := newSession(ids.NewUser(), 1)
	err = s.Open(t.Context(), nobody, 0, none)
	if !errors.Is(err, user.ErrNotFound) {
		t.Errorf("an unknown account: %v, want ErrNotFound", err)
	}
}

func testEnd(t *testing.T, s Storage) {
	a := newAccount("ann", "ann")
	session := create(t, s, a)
	if err := s.End(t.Context(), ids.NewUser(), session.ID, user.Revoked, 5); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("by somebody else: %v, want ErrNotFound", err)
	}
	if err := s.End(t.Context(), a.Account.ID, ids.NewLoginSession(), user.Revoked, 5); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("an unknown one: %v, want ErrNotFound", err)
	}
	if err := s.End(t.Context(), a.Account.ID, session.ID, user.Revoked, 5); err != nil {
		t.Fatal(err)
	}
	if err := s.End(t.Context(), a.Account.ID, session.ID, user.Expired, 9); !errors.Is(err, user.ErrNotFound) {
		t.Errorf("again: %v, want ErrNotFound", err)
	}
	got, err := s.ByToken(t.Context(), session.TokenHash)
	if err != nil || got.EndedAt != 5 || got.EndReason != user.Revoked {
		t.Errorf("ended at %d for %d, %v; want 5, Revoked", got.EndedAt, got.EndReason, err)
	}
}

func testTouch(t *testing.T, s Storage) {
	a := newAccount("ann", "ann")
	session := create(t, s, a)
	for _, step := range []struct{ at, want int64 }{{5000, 5000}, {4000, 5000}, {6000, 6000}} {
		if err := s.Touch(t.Context(), session.ID, step.at); err != nil {
			t.Fatal(err)
		}
		if got, err := s.ByToken(t.Context(), session.TokenHash); err != nil || got.LastUsedAt != step.want {
			t.Errorf("touched at %d: last used at %d, %v; want %d", step.at, got.LastUsedAt, err, step.want)
		}
	}
	if err := errors.Join(
		s.End(t.Context(), a.Account.ID, session.ID, user.Revoked, 7000),
		s.Touch(t.Context(), session.ID, 8000),
	); err != nil {
		t.Fatal(err)
	}
	if got, err := s.ByToken(t.Context(), session.TokenHash); err != nil || got.LastUsedAt != 6000 {
		t.Errorf("an ended session was used at %d, %v; want 6000", got.LastUsedAt, err)
	}
}

func testKnowsDevice(t *testing.T, s Storage) {
	a, b := newAccount("ann", "ann"), newAccount("bob", "bob")
	session := create(t, s, a)
	create(t, s, b)
	if err := s.End(t.Context(), a.Account.ID, session.ID, user.Revoked, 5); err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		owner  ids.UserID
		device ids.DeviceID
		want   bool
	}{
		{a.Account.ID, session.Device.ID, true},
		{a.Account.ID, ids.NewDevice(), false},
		{b.Account.ID, session.Device.ID, false},
		{ids.UserID{}, session.Device.ID, false},
	}
	for i, row := range rows {
		if got, err := s.KnowsDevice(t.Context(), row.owner, row.device); err != nil || got != row.want {
			t.Errorf("row %d: %v, %v; want %v", i, got, err, row.want)
		}
	}
}

func testEndedSince(t *testing.T, s Storage) {
	a := newAccount("ann", "ann")
	var want []user.Revocation
	for i := range 5 {
		session := newSession(a.Account.ID, 1000)
		if i == 0 {
			session = create(t, s, a)
		} else if err := s.Open(t.Context(), session, 0, none); err != nil {
			t.Fatal(err)
		}
		if i == 4 {
			break // lives
		}
		at := int64(2000 + 100*i)
		if err := s.End(t.Context(), a.Account.ID, session.ID, user.Revoked, at); err != nil {
			t.Fatal(err)
		}
		want = append(want, user.Revocation{SessionID: session.ID, UserID: a.Account.ID, Reason: user.Revoked, At: at})
	}
	slices.Reverse(want)
	for _, row := range []struct {
		at    int64
		limit int
		want  []user.Revocation
	}{{0, 10, want}, {2100, 10, want[:3]}, {2101, 10, want[:2]}, {0, 1, want[:1]}, {9999, 10, []user.Revocation{}}} {
		got, err := s.EndedSince(t.Context(), row.at, row.limit)
		if err != nil || len(got) != len(row.want) || len(got) > 0 && !cmp.Equal(row.want, got) {
			t.Errorf("since %d, %v: %s", row.at, err, cmp.Diff(row.want, got))
		}
	}
}

func testForgetEnded(t *testing.T, s Storage) {
	a := newAccount("ann", "ann")
	ended := create(t, s, a)
	old, live := newSession(a.Account.ID, 10), newSession(a.Account.ID, 5000)
	if err := errors.Join(
		s.End(t.Context(), a.Account.ID, ended.ID, user.Revoked, 2000),
		s.Open(t.Context(), old, 0, none),
		s.Open(t.Context(), live, 0, none),
	); err != nil {
		t.Fatal(err)
	}
	total := 0
	for range 3 {
		n, err := s.ForgetEnded(t.Context(), 3000, 100, 10)
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if total != 2 {
		t.Errorf("%d went, want 2", total)
	}
	if _, err := s.ByToken(t.Context(), live.TokenHash); err != nil {
		t.Errorf("the live session: %v", err)
	}
	for _, gone := range []user.LoginSession{ended, old} {
		if _, err := s.ByToken(t.Context(), gone.TokenHash); !errors.Is(err, user.ErrNotFound) {
			t.Errorf("an old session: %v, want ErrNotFound", err)
		}
	}
}

func testCharge(t *testing.T, s Storage) {
	keys := []user.AttemptKey{{9}, {1}}
	want := []user.Attempt{{Key: keys[0], Count: 1, ChargedAt: 10, BlockedUntil: 20}, {Key: keys[1], Count: 2, ChargedAt: 11}}
	charge(t, s, keys, []user.Attempt{{Key: keys[0]}, {Key: keys[1]}}, want)
	charge(t, s, keys, want, want)
	if err := s.Clear(t.Context(), keys[0]); err != nil {
		t.Fatal(err)
	}
	charge(t, s, keys, []user.Attempt{{Key: keys[0]}, want[1]}, want)
}

// charge expects to see some counters and writes others.
func charge(t *testing.T, s Storage, keys []user.AttemptKey, see, write []user.Attempt) {
	t.Helper()
	err := s.Charge(t.Context(), keys, func(got []user.Attempt) ([]user.Attempt, error) {
		if diff := cmp.Diff(see, got); diff != "" {
			t.Errorf("charge sees (-want +got):\n%s", diff)
		}
		return write, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testRefusedCharge(t *testing.T, s Storage) {
	keys := []user.AttemptKey{{1}}
	counter := []user.Attempt{{Key: keys[0], Count: 3, ChargedAt: 5}}
	charge(t, s, keys, []user.Attempt{{Key: keys[0]}}, counter)
	refused := user.ErrRateLimited.After(1)
	if err := s.Charge(t.Context(), keys, func([]user.Attempt) ([]user.Attempt, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("error %v, want the one of decide", err)
	}
	charge(t, s, keys, counter, counter)
}

func testChargeRace(t *testing.T, s Storage) {
	keys := []user.AttemptKey{{1}, {2}}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			mine := slices.Clone(keys)
			if i%2 == 0 { // the other order must not deadlock
				slices.Reverse(mine)
			}
			err := s.Charge(t.Context(), mine, func(counters []user.Attempt) ([]user.Attempt, error) {
				counters[0].Count++
				counters[1].Count++
				return counters, nil
			})
			if err != nil {
				t.Errorf("charge: %v", err)
			}
		})
	}
	wg.Wait()
	charge(t, s, keys, []user.Attempt{{Key: keys[0], Count: 20}, {Key: keys[1], Count: 20}}, nil)
}

func testForgetAttempts(t *testing.T, s Storage) {
	keys := []user.AttemptKey{{1}, {2}}
	young := user.Attempt{Key: keys[1], Count: 1, ChargedAt: 500}
	charge(t, s, keys, []user.Attempt{{Key: keys[0]}, {Key: keys[1]}}, []user.Attempt{{Key: keys[0], Count: 1, ChargedAt: 10}, young})
	if n, err := s.ForgetAttempts(t.Context(), 100, 10); err != nil || n != 1 {
		t.Errorf("%d went, %v; want 1", n, err)
	}
	charge(t, s, keys, []user.Attempt{{Key: keys[0]}, young}, nil)
}
