// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"errors"
	"net"
	"sync"
)

// joined is several listeners in one: it has the address of the first, and takes connections from all.
type joined struct {
	all    []net.Listener
	taken  chan taken
	closed chan struct{}
	once   sync.Once
	loops  sync.WaitGroup
}

type taken struct {
	conn net.Conn
	err  error
}

func join(all ...net.Listener) net.Listener {
	j := &joined{all: all, taken: make(chan taken), closed: make(chan struct{})}
	for _, listener := range all {
		j.loops.Go(func() { j.take(listener) })
	}
	return j
}

// take hands over what comes in until the listener is closed.
func (j *joined) take(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		select {
		case j.taken <- taken{conn, err}:
		case <-j.closed:
			if conn != nil {
				_ = conn.Close() // it came in while the listener was being closed
			}
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

func (j *joined) Accept() (net.Conn, error) {
	select {
	case next := <-j.taken:
		return next.conn, next.err
	case <-j.closed:
		return nil, net.ErrClosed
	}
}

func (j *joined) Addr() net.Addr { return j.all[0].Addr() }

func (j *joined) Close() error {
	var failures []error
	j.once.Do(func() {
		close(j.closed)
		for _, listener := range j.all {
			failures = append(failures, listener.Close())
		}
		j.loops.Wait()
	})
	return errors.Join(failures...)
}
