// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/ring"
	"github.com/parley-chat/parley/services/transmit"
	"github.com/parley-chat/parley/services/transmit/deliver"
	"github.com/parley-chat/parley/services/transmit/transmittest"
	"github.com/parley-chat/parley/services/transmit/upstream"
)

// scales is a broker that weighs what is published.
type scales struct{ messages, bytes atomic.Int64 }

func (s *scales) Publish(_ context.Context, m broker.Message) error {
	s.messages.Add(1)
	s.bytes.Add(int64(len(m.Body)))
	return nil
}

// BenchmarkFanOut brings one message of a group to its members at home on some pods: from the decoded event
// to the confirm of the last AMQP message.
func BenchmarkFanOut(b *testing.B) {
	for _, members := range []int{10, 500, 2000, 10_000} {
		for _, pods := range []int{2, 10} {
			b.Run(fmt.Sprintf("members=%d/pods=%d", members, pods), func(b *testing.B) { fanOut(b, members, pods) })
		}
	}
}

func fanOut(b *testing.B, members, pods int) {
	var seats []ring.Member
	for seat := range pods {
		seats = append(seats, member(uint32(seat), fmt.Sprint("gateway-", seat)))
	}
	crowd := make([]ids.UserID, members)
	for i := range crowd {
		crowd[i] = ids.NewUser()
	}
	group := transmit.Membership{Group: ids.NewConversation(), Rev: 1}
	var groups transmittest.Groups
	groups.Set(group, crowd...)
	weighed := &scales{}
	courier := deliver.New(deliver.Options{Publisher: weighed, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	service := transmit.New(transmit.Options{
		Ring: upstream.NewRing(ring.Static(seats...)), Friends: &transmittest.Friends{}, Groups: &groups, Courier: courier,
	})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 2)
	go func() { ended <- courier.Run(ctx) }()
	go func() { ended <- service.Run(ctx) }()
	defer func() {
		cancel()
		if err := errors.Join(<-ended, <-ended); err != nil {
			b.Error(err)
		}
	}()
	event := transmit.Event{
		Notice:    transmit.Notice{Frame: make([]byte, 400), Class: transmit.Durable, Conversation: group.Group},
		MembersOf: group,
	}
	settled := make(chan error, 1)
	forward := func() {
		event.Seq++
		service.Forward(ctx, []transmit.Event{event}, func(err error) { settled <- err })
		if err := <-settled; err != nil {
			b.Fatal(err)
		}
	}
	forward() // asks for the members
	weighed.messages.Store(0)
	weighed.bytes.Store(0)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		forward()
		n++
	}
	b.ReportMetric(float64(weighed.messages.Load())/float64(n), "messages/op")
	b.ReportMetric(float64(weighed.bytes.Load())/float64(n), "AMQP-bytes/op")
}
