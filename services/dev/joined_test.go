// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"errors"
	"net"
	"testing"
)

func TestJoinedListenersTakeConnectionsFromAll(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	var all []net.Listener
	for range 3 {
		listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, listener)
	}
	j := join(all...)
	if j.Addr() != all[0].Addr() {
		t.Errorf("address %s, want that of the first", j.Addr())
	}
	var dialer net.Dialer
	for _, listener := range all {
		out, err := dialer.DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		in, err := j.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if in.LocalAddr().String() != listener.Addr().String() {
			t.Errorf("taken from %s, want %s", in.LocalAddr(), listener.Addr())
		}
		_, _ = in.Close(), out.Close()
	}
	// One that nobody takes any more is closed, and nobody waits for it.
	left, err := dialer.DialContext(t.Context(), "tcp", all[1].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = left.Close() }()
	if err := errors.Join(j.Close(), j.Close()); err != nil {
		t.Error(err)
	}
	if _, err := j.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	if _, err := left.Read(make([]byte, 1)); err == nil {
		t.Error("a connection is open after the end")
	}
}
