// SPDX-License-Identifier: Apache-2.0

package amqpbroker

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/services/internal/broker"
)

// Survey is what is known of a durable queue.
type Survey struct {
	Found     bool
	Conflict  error // why it is not what a subscription would make; nil: it is
	Ready     int
	Consumers int
}

// Look surveys the queue of a subscription without changing anything.
func Look(ctx context.Context, conn *amqp.Connection, s broker.Subscription) (found Survey, err error) {
	s, err = s.Normalized()
	if err != nil {
		return found, err
	}
	unlock, err := lock(ctx, conn, s.Queue)
	if err != nil {
		return found, err
	}
	defer unlock()
	return survey(conn, s.Queue, argumentsOf(s))
}

// survey looks at a queue, and at its arguments if some are given. A refusal closes its channel, so each look has its
// own. A queue that goes between both looks would be made again by the second: hence lock.
func survey(conn *amqp.Connection, name string, arguments amqp.Table) (Survey, error) {
	ch, err := conn.Channel()
	if err != nil {
		return Survey{}, fmt.Errorf("look at queue %s: %w", name, err)
	}
	defer ch.Close()
	queue, err := ch.QueueDeclarePassive(name, true, false, false, false, nil)
	switch {
	case isRefusal(err, amqp.NotFound):
		return Survey{}, nil
	case err != nil:
		return Survey{}, fmt.Errorf("look at queue %s: %w", name, err)
	}
	found := Survey{Found: true, Ready: queue.Messages, Consumers: queue.Consumers}
	if arguments == nil {
		return found, nil
	}
	_, err = declare(ch, name, true, arguments)
	if isRefusal(err, amqp.PreconditionFailed) {
		found.Conflict, err = err, nil
	}
	return found, err
}

func isRefusal(err error, code int) bool {
	e, ok := errors.AsType[*amqp.Error](err)
	return ok && e.Code == code
}

// remove deletes a queue with what waits in it.
func remove(conn *amqp.Connection, name string) error {
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("delete queue %s: %w", name, err)
	}
	defer ch.Close()
	// A quorum queue cannot be deleted "if unused" or "if empty".
	if _, err = ch.QueueDelete(name, false, false, false); err != nil {
		return fmt.Errorf("delete queue %s: %w", name, err)
	}
	return nil
}

// How long one waits for who looks at, makes or removes the same queue; chosen.
const (
	lockWait  = callTimeout
	lockAgain = 50 * time.Millisecond
)

// lockSuffix follows the name of a queue in the name of an exclusive one, which one connection can have at a time and
// which goes with it.
const lockSuffix = ".lock"

// lock is lock on a connection that is cut where the broker does not answer.
func (l *link) lock(ctx context.Context, queue string) (unlock func(), err error) {
	var free func()
	err = l.within(lockWait+callTimeout, func() (err error) {
		free, err = lock(ctx, l.conn, queue)
		return err
	})
	return func() {
		_ = l.within(callTimeout, func() error { free(); return nil })
	}, err
}

// lock keeps others from looking at a queue that may begin anew, and from making or removing it.
func lock(ctx context.Context, conn *amqp.Connection, queue string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	for {
		ch, err := conn.Channel()
		if err != nil {
			return nil, fmt.Errorf("lock queue %s: %w", queue, err)
		}
		_, err = ch.QueueDeclare(queue+lockSuffix, false, true, true, false, amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeClassic})
		if err == nil {
			return func() {
				_, _ = ch.QueueDelete(queue+lockSuffix, false, false, false) // else it goes with the connection
				_ = ch.Close()
			}, nil
		}
		if !isRefusal(err, amqp.ResourceLocked) || !wait(ctx, lockAgain) {
			return nil, fmt.Errorf("lock queue %s: %w", queue, err)
		}
	}
}
