// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"testing"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/user"
)

// refusing refuses the account.
type refusing struct{}

func (refusing) Send(context.Context, user.CodeMessage) error {
	return user.ErrSMSUnavailable.Because(user.ErrSMSAccount)
}

func TestAnAccountThatTheProviderRefusesIsTold(t *testing.T) {
	t.Parallel()
	sms, watched := watch(refusing{})
	_ = sms.Send(t.Context(), user.CodeMessage{})
	if got := watched.Class(); got != component.ClassAuthFailed {
		t.Errorf("%q, want %q", got, component.ClassAuthFailed)
	}
	if sms, watched := watch(nil); sms != nil || watched != nil {
		t.Error("without a provider something is watched")
	}
}
