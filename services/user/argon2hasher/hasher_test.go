// SPDX-License-Identifier: Apache-2.0

package argon2hasher_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/argon2hasher"
)

var _ user.Hasher = (*argon2hasher.Hasher)(nil)

func cheap() argon2hasher.Options { return argon2hasher.Options{Memory: 64, Iterations: 1} }

func open(t *testing.T, o argon2hasher.Options) *argon2hasher.Hasher {
	t.Helper()
	h, err := argon2hasher.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestProductionHashesHaveTheAgreedCost(t *testing.T) {
	t.Parallel()
	h := open(t, argon2hasher.Options{})
	stored, err := h.Hash(t.Context(), "correct horse battery staple")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[3] != "m=19456,t=2,p=1" {
		t.Errorf("stored %q, want a PHC string with m=19456,t=2,p=1", stored)
	}
	if len(parts[4]) != 22 || len(parts[5]) != 43 {
		t.Errorf("salt of %d and key of %d characters, want 22 (16 bytes) and 43 (32 bytes)", len(parts[4]), len(parts[5]))
	}
}

func TestVerifyTellsTheRightPasswordOnly(t *testing.T) {
	t.Parallel()
	h := open(t, cheap())
	stored, err := h.Hash(t.Context(), "Pässword 世界")
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name, password string
		match          bool
	}{
		{"the same text matches", "Pässword 世界", true},
		{"another case does not", "pässword 世界", false},
		{"a trailing space does not", "Pässword 世界 ", false},
		{"an empty text does not", "", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			match, outdated, err := h.Verify(t.Context(), row.password, stored)
			if err != nil || match != row.match || outdated {
				t.Errorf("Verify = %v, outdated %v, %v; want %v, false, nil", match, outdated, err, row.match)
			}
		})
	}
}

func TestAHashOfLessEffortIsOutdated(t *testing.T) {
	t.Parallel()
	stored, err := open(t, cheap()).Hash(t.Context(), "some password")
	if err != nil {
		t.Fatal(err)
	}
	match, outdated, err := open(t, argon2hasher.Options{Memory: 128, Iterations: 1}).Verify(t.Context(), "some password", stored)
	if err != nil || !match || !outdated {
		t.Errorf("Verify = %v, outdated %v, %v; want a match that is outdated", match, outdated, err)
	}
}

func TestABrokenStoredTextIsNotRepeated(t *testing.T) {
	t.Parallel()
	_, _, err := open(t, cheap()).Verify(t.Context(), "some password", "$argon2id$v=19$m=canary,t=1,p=1$c2FsdA$a2V5")
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("error %v, want one without the stored text", err)
	}
}

func TestBurnCostsOneHash(t *testing.T) {
	t.Parallel()
	h := open(t, cheap())
	if err := h.Burn(t.Context(), "whatever it is"); err != nil {
		t.Fatal(err)
	}
	if h.Hashes() != 1 {
		t.Errorf("%d hashes, want 1", h.Hashes())
	}
}

// A storm of 200 parallel hashes on one slot: those who are refused hear so at once and with a retry
// time, all others get their hash.
func TestAStormIsRefusedBeyondTheQueue(t *testing.T) {
	t.Parallel()
	h := open(t, argon2hasher.Options{Memory: 19456, Iterations: 2, Parallel: 1})
	var done, refused atomic.Int64
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			_, err := h.Hash(t.Context(), "some password")
			switch f, ok := fault.Of(err); {
			case err == nil:
				done.Add(1)
			case ok && errors.Is(err, user.ErrOverloaded) && f.RetryAfter() > 0:
				refused.Add(1)
			default:
				t.Errorf("hash: %v", err)
			}
		})
	}
	wg.Wait()
	if done.Load() == 0 || done.Load()+refused.Load() != 200 || refused.Load() == 0 {
		t.Errorf("%d hashed, %d refused; want some of both and 200 in all", done.Load(), refused.Load())
	}
	if h.Waiting() != 0 {
		t.Errorf("%d still wait", h.Waiting())
	}
}

func TestAWaitingCallerMayGiveUp(t *testing.T) {
	t.Parallel()
	h := open(t, argon2hasher.Options{Memory: 64, Iterations: 1, Parallel: 1})
	release := h.Occupy()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ctx, "some password"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
