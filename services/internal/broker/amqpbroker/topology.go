// SPDX-License-Identifier: Apache-2.0

package amqpbroker

import (
	"fmt"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/services/internal/broker"
)

// deadExchange is the direct exchange of dead letters, keyed by the queue that they come from.
const deadExchange = "parley.dead"

// deliveryLimit is as good as none: RabbitMQ 4 drops a message after 20 attempts unless told otherwise,
// and 3.10 knows no word for "never".
const deliveryLimit = int64(1_000_000_000)

// declareExchanges declares all exchanges of the product, which costs less than to know who needs which.
func declareExchanges(ch *amqp.Channel) error {
	exchanges := []struct{ name, kind string }{
		{broker.EventsExchange, amqp.ExchangeTopic},
		{broker.DeliverExchange, amqp.ExchangeDirect},
		{deadExchange, amqp.ExchangeDirect},
	}
	for _, e := range exchanges {
		if err := ch.ExchangeDeclare(e.name, e.kind, true, false, false, false, nil); err != nil {
			return fmt.Errorf("declare exchange %s: %w", e.name, err)
		}
	}
	return nil
}

// queueName is fixed for one connection: a broker may still hold the queue of the last one.
func queueName(s broker.Subscription) string {
	if s.Durable() {
		return s.Queue
	}
	return s.Name + "." + uuid.NewString()
}

// declareQueue may be repeated with the same name.
func declareQueue(ch *amqp.Channel, name string, s broker.Subscription) error {
	if !s.Durable() {
		return declare(ch, name, false, exclusiveArguments(s))
	}
	if s.IsDead() {
		return declareDead(ch, name)
	}
	dead := name + broker.DeadSuffix
	if err := declareDead(ch, dead); err != nil {
		return err
	}
	if err := ch.QueueBind(dead, name, deadExchange, false, nil); err != nil {
		return fmt.Errorf("bind queue %s: %w", dead, err)
	}
	return declare(ch, name, true, amqp.Table{
		amqp.QueueTypeArg: amqp.QueueTypeQuorum, amqp.QueueOverflowArg: amqp.QueueOverflowRejectPublish,
		"x-delivery-limit":       deliveryLimit,
		"x-dead-letter-exchange": deadExchange, "x-dead-letter-routing-key": name,
		"x-dead-letter-strategy": "at-least-once",
	})
}

func declareDead(ch *amqp.Channel, name string) error {
	return declare(ch, name, true, amqp.Table{
		amqp.QueueTypeArg: amqp.QueueTypeQuorum, amqp.QueueOverflowArg: amqp.QueueOverflowRejectPublish,
	})
}

func exclusiveArguments(s broker.Subscription) amqp.Table {
	return amqp.Table{
		amqp.QueueTypeArg: amqp.QueueTypeClassic, "x-queue-version": int64(2),
		amqp.QueueMaxLenBytesArg: s.MaxBytes, amqp.QueueOverflowArg: amqp.QueueOverflowDropHead,
		amqp.QueueMessageTTLArg: s.TTL.Milliseconds(),
	}
}

func declare(ch *amqp.Channel, name string, durable bool, arguments amqp.Table) error {
	if _, err := ch.QueueDeclare(name, durable, false, !durable, false, arguments); err != nil {
		return fmt.Errorf("declare queue %s: %w", name, err)
	}
	return nil
}

func bind(ch *amqp.Channel, name string, s broker.Subscription) error {
	if s.Exchange == "" {
		return nil
	}
	for _, key := range s.RoutingKeys {
		if err := ch.QueueBind(name, key, s.Exchange, false, nil); err != nil {
			return fmt.Errorf("bind queue %s to %s: %w", name, key, err)
		}
	}
	return nil
}
