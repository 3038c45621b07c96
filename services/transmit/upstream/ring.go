// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/transmit"
)

// Ring is the port transmit.Ring on a source of the ring.
type Ring struct {
	source ring.Source
}

// NewRing wraps a source.
func NewRing(source ring.Source) Ring { return Ring{source} }

// View is the ring as the source knows it now.
func (r Ring) View() transmit.View { return view{r.source.View()} }

// view names pods instead of members.
type view struct {
	ring.View
}

// Home is the name of the user's home pod.
func (v view) Home(user ids.UserID) (string, bool) {
	member, ok := v.View.Home(user)
	return member.Pod, ok
}
