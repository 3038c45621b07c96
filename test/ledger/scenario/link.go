// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/api/client"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// clientLink is a Link made of the client library. Its devices live as long as the run, so their store is
// in memory.
type clientLink struct {
	client *client.Client
	store  *watchedStore
	stop   context.CancelFunc
	ended  chan error
}

// addresses counts the devices, to give each an address of loopback: a gateway bounds what comes from one.
var addresses atomic.Int64

// DialClient opens devices with the client library, each from an address of its own on loopback.
func DialClient(ctx context.Context, l Login) (Link, error) {
	n := addresses.Add(1)
	return dial(ctx, l, &net.TCPAddr{IP: net.IPv4(127, 0, byte(10+n/200%100), byte(1+n%200))})
}

// DialFromHere opens devices with the client library, all from the address that leads to the gateways.
func DialFromHere(ctx context.Context, l Login) (Link, error) {
	return dial(ctx, l, nil)
}

func dial(ctx context.Context, l Login, from net.Addr) (Link, error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second, LocalAddr: from}
	link := &clientLink{store: &watchedStore{Store: client.NewMemoryStore(), leaving: map[string]func(string){}}, ended: make(chan error, 1)}
	gates := []string{l.Gateway}
	for _, other := range l.Others {
		if other != l.Gateway {
			gates = append(gates, other)
		}
	}
	c, err := client.New(client.Config{
		BaseURLs: gates, Token: l.Token, Device: l.DeviceID, Store: link.store, Dial: dialer.DialContext,
		Events: func(e client.Event) {
			if received, ok := e.(client.MessagesReceived); ok {
				for _, m := range received.Items {
					l.Show(m)
				}
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	link.client = c
	ctx, link.stop = context.WithCancel(context.WithoutCancel(ctx)) // Close ends it
	go func() { link.ended <- c.Run(ctx) }()
	return link, nil
}

// Send goes through the outbox of the library; the id is known when the outbox takes the message, and
// nothing has left by then.
func (l *clientLink) Send(ctx context.Context, conversation, text string, leaving func(string)) (*messagev1.Sent, error) {
	l.store.watch(conversation, leaving)
	sent, err := l.client.Send(ctx, conversation, text)
	if _, refused := errors.AsType[*client.SendError](err); refused {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return sent, err
}

// Close ends the connection. An error says why the library had given up before.
func (l *clientLink) Close() error {
	l.stop()
	err := <-l.ended
	l.client.Close()
	return err
}

// watchedStore tells which id the library gave to a message, before the message leaves.
type watchedStore struct {
	client.Store

	mu      sync.Mutex // guards leaving
	leaving map[string]func(string)
}

func (s *watchedStore) watch(conversation string, leaving func(string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving[conversation] = leaving
}

// PutEntry is called by Send on the caller's goroutine.
func (s *watchedStore) PutEntry(e client.Entry) error {
	s.mu.Lock()
	leaving := s.leaving[e.ConversationID]
	s.mu.Unlock()
	if leaving != nil {
		leaving(e.ClientMessageID)
	}
	return s.Store.PutEntry(e)
}
