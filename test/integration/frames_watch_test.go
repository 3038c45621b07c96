// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"slices"
	"testing"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// Presence is told to friends and to who is in a group with somebody; to everybody else that person is like
// one who does not exist.
func TestPresenceIsToldToFriendsAndCoMembersOnly(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 1})
	c := newCast(t, sys.Public(0))
	wires := c.wires(t, sys.Public(0))
	sees := []string{"friend", "member", "admin"}
	for _, name := range columns[:len(columns)-1] {
		frame := &gatewayv1.Watch{UserIds: []string{c.owner.ID, people.NewID()}}
		if refused := wires[name].quiet(&gatewayv1.ClientFrame{Kind: &gatewayv1.ClientFrame_Watch{Watch: frame}}); refused != nil {
			t.Errorf("watch by %s: %v", name, refused)
		}
	}
	for _, name := range sees {
		wires[name].hear(func() bool { return wires[name].presenceOf(c.owner.ID) })
	}
	for _, name := range columns[:len(columns)-1] {
		wires[name].fence()
		if told := wires[name].presenceOf(c.owner.ID); told != slices.Contains(sees, name) {
			t.Errorf("%s is told how owner is: %t", name, told)
		}
	}
}

// presenceOf tells whether a person was ever told as connected.
func (w *wire) presenceOf(user string) bool {
	return slices.ContainsFunc(w.heard, func(frame *gatewayv1.ServerFrame) bool {
		return slices.ContainsFunc(frame.GetPresence().GetItems(), func(item *gatewayv1.Presence_Item) bool {
			return item.GetUserId() == user && item.GetState() != gatewayv1.PresenceState_PRESENCE_STATE_UNSPECIFIED
		})
	})
}
