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

// asItIs names the queues that are there and are not to be made: a declaration must not bring back what was
// deleted before its subscriber knows, nor fail for arguments that do not matter.
type asItIs struct{ queue, dead bool }

// declareQueue may be repeated with the same name. It answers how many messages are ready.
func declareQueue(ch *amqp.Channel, name string, s broker.Subscription, there asItIs) (ready int, err error) {
	if !s.Durable() {
		return declare(ch, name, false, exclusiveArguments(s))
	}
	if s.IsDead() {
		return declareUnless(there.dead, ch, name, deadArguments(s))
	}
	dead := name + broker.DeadSuffix
	if _, err := declareUnless(there.dead, ch, dead, deadArguments(s)); err != nil {
		return 0, err
	}
	if err := ch.QueueBind(dead, name, deadExchange, false, nil); err != nil {
		return 0, fmt.Errorf("bind queue %s: %w", dead, err)
	}
	return declareUnless(there.queue, ch, name, argumentsOf(s))
}

// declareUnless makes a durable queue unless it must be there.
func declareUnless(there bool, ch *amqp.Channel, name string, arguments amqp.Table) (ready int, err error) {
	if !there {
		return declare(ch, name, true, arguments)
	}
	queue, err := ch.QueueDeclarePassive(name, true, false, false, false, nil)
	if err != nil {
		return 0, fmt.Errorf("look at queue %s: %w", name, err)
	}
	return queue.Messages, nil
}

// argumentsOf a durable queue.
func argumentsOf(s broker.Subscription) amqp.Table {
	if s.IsDead() {
		return deadArguments(s)
	}
	return durableArguments(s.Queue, s)
}

func durableArguments(name string, s broker.Subscription) amqp.Table {
	table := bounded(s.MaxLength)
	table["x-delivery-limit"] = deliveryLimit
	table["x-dead-letter-exchange"], table["x-dead-letter-routing-key"] = deadExchange, name
	if s.MaxLength == 0 {
		table["x-dead-letter-strategy"] = "at-least-once" // which a queue that drops its oldest cannot have
	}
	return table
}

func deadArguments(s broker.Subscription) amqp.Table {
	if s.MaxLength == 0 {
		return bounded(0)
	}
	return bounded(broker.MaxDead)
}

// bounded makes a quorum queue drop its oldest above a length; without one it refuses.
func bounded(length int) amqp.Table {
	if length == 0 {
		return amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum, amqp.QueueOverflowArg: amqp.QueueOverflowRejectPublish}
	}
	return amqp.Table{
		amqp.QueueTypeArg: amqp.QueueTypeQuorum, amqp.QueueOverflowArg: amqp.QueueOverflowDropHead,
		amqp.QueueMaxLenArg: int64(length),
	}
}

func exclusiveArguments(s broker.Subscription) amqp.Table {
	return amqp.Table{
		amqp.QueueTypeArg: amqp.QueueTypeClassic, "x-queue-version": int64(2),
		amqp.QueueMaxLenBytesArg: s.MaxBytes, amqp.QueueOverflowArg: amqp.QueueOverflowDropHead,
		amqp.QueueMessageTTLArg: s.TTL.Milliseconds(),
	}
}

func declare(ch *amqp.Channel, name string, durable bool, arguments amqp.Table) (ready int, err error) {
	queue, err := ch.QueueDeclare(name, durable, false, !durable, false, arguments)
	if err != nil {
		return 0, fmt.Errorf("declare queue %s: %w", name, err)
	}
	return queue.Messages, nil
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
