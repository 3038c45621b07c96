// SPDX-License-Identifier: Apache-2.0

package user

import "github.com/parley-chat/parley/services/internal/ids"

// Updated is the event user.updated: a profile changed. Who hears of it is worked out at delivery.
type Updated struct {
	ID      ids.EventID
	At      int64 // ms
	Account Account
	// PrivacyChanged tells that the user began or ceased to hide their presence.
	PrivacyChanged bool
	// Created makes it user.created: the account is new. Only the index of names hears of it.
	Created bool
}
