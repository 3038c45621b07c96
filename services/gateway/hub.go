// SPDX-License-Identifier: Apache-2.0

package gateway

import "github.com/parley-chat/parley/services/internal/ids"

// Hub owns the sessions of one pod.
type Hub struct{}

// EndLogin closes every session of a login session that has ended, also those that are opening now. It
// does not block.
func (h *Hub) EndLogin(id ids.LoginSessionID, reason EndReason) {}
