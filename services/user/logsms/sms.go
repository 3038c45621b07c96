// SPDX-License-Identifier: Apache-2.0

// Package logsms writes codes to the log instead of sending them, for development on one machine.
//
// It is the only place where a code is printed, and must never run where others read the log.
package logsms

import (
	"context"
	"log/slog"

	"github.com/parley-chat/parley/services/user"
)

// SMS implements user.SMS.
type SMS struct{ Logger *slog.Logger }

// Send writes one line.
func (s SMS) Send(ctx context.Context, m user.CodeMessage) error {
	phone := m.Number.Phone.Reveal()
	s.Logger.InfoContext(ctx, "code for development, not sent to anybody",
		"code_request_id", m.ID.String(), "phone_end", phone[max(len(phone)-4, 0):], "code", m.Digits.Reveal())
	return nil
}
