// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"testing"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/user"
)

// script answers one error after the other.
type script struct{ answers []error }

func (s *script) Send(context.Context, user.CodeMessage) error {
	next := s.answers[0]
	s.answers = s.answers[1:]
	return next
}

func TestTheProviderIsRemembered(t *testing.T) {
	t.Parallel()
	away, account := user.ErrSMSUnavailable, user.ErrSMSUnavailable.Because(user.ErrSMSAccount)
	for name, row := range map[string]struct {
		answers []error
		want    component.Class
	}{
		"nobody asked":                   {nil, ""},
		"one sent":                       {[]error{nil}, component.ClassReachable},
		"two failures are bad luck":      {[]error{nil, away, away}, component.ClassReachable},
		"three are not":                  {[]error{nil, away, away, away}, component.ClassUnreachable},
		"one that is sent ends it":       {[]error{away, away, away, nil}, component.ClassReachable},
		"a count begins anew":            {[]error{away, away, nil, away, away}, component.ClassReachable},
		"a refused number is an answer":  {[]error{away, away, away, fault.InvalidField("phone", "provider")}, component.ClassReachable},
		"a refused account is told soon": {[]error{nil, account}, component.ClassAuthFailed},
		"an account that is right again": {[]error{account, nil}, component.ClassReachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sms, watched := watch(&script{row.answers})
			for range row.answers {
				_ = sms.Send(t.Context(), user.CodeMessage{})
			}
			if got := watched.Class(); got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	sms, watched := watch(&script{[]error{away, away, away}})
	for range 3 {
		_ = sms.Send(gone, user.CodeMessage{})
	}
	if got := watched.Class(); got != "" {
		t.Errorf("callers that went away make it %q", got)
	}
	if sms, watched := watch(nil); sms != nil || watched != nil {
		t.Error("without a provider something is watched")
	}
}
