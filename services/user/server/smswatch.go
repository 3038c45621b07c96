// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"github.com/parley-chat/parley/services/internal/provider"
	"github.com/parley-chat/parley/services/user"
)

// watchedSMS is a provider of which is remembered how it fares.
type watchedSMS struct {
	user.SMS
	*provider.Watch
}

// watch is the provider with a memory; without a provider both are nil.
func watch(sms user.SMS) (user.SMS, *provider.Watch) {
	if sms == nil {
		return nil, nil
	}
	w := watchedSMS{sms, provider.NewWatch(user.ErrSMSAccount, user.ErrSMSUnavailable)}
	return w, w.Watch
}

// Send sends and remembers.
func (w watchedSMS) Send(ctx context.Context, m user.CodeMessage) error {
	err := w.SMS.Send(ctx, m)
	w.Note(ctx, err)
	return err
}
