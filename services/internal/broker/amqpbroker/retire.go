// SPDX-License-Identifier: Apache-2.0

package amqpbroker

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/services/internal/broker"
)

// Retire implements broker.Retirer on a connection of its own.
func (b *Broker) Retire(ctx context.Context, queue string) (gone bool, err error) {
	l, err := dial(ctx, b.opts, "retires "+queue)
	if err != nil {
		return false, err
	}
	defer l.close()
	unlock, err := l.lock(ctx, queue)
	if err != nil {
		return false, err
	}
	defer unlock()
	err = l.within(callTimeout, func() error {
		gone, err = removeUnused(l.conn, queue, false)
		if err == nil && gone {
			_, err = removeUnused(l.conn, queue+broker.DeadSuffix, true)
		}
		return err
	})
	return gone && err == nil, err
}

// removeUnused deletes a queue that nobody consumes, and that is empty if it must be.
func removeUnused(conn *amqp.Connection, name string, empty bool) (gone bool, err error) {
	found, err := survey(conn, name, nil)
	if err != nil || !found.Found {
		return err == nil, err
	}
	if found.Consumers > 0 || empty && found.Ready > 0 {
		return false, nil
	}
	err = remove(conn, name)
	return err == nil, err
}
