// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/internal/secret"
	messageserver "github.com/parley-chat/parley/services/message/server"
	userserver "github.com/parley-chat/parley/services/user/server"
)

// transmitQueues lists the durable queues; their backlog and dead letters are what people ask about.
func transmitQueues() []string { return []string{"transmit.events", "transmit.events.users"} }

// checkRabbitMQ connects and looks at the queues without changing them.
func checkRabbitMQ(ctx context.Context, environ map[string]string) []finding {
	address := environ[component.EnvAMQPURL]
	if address == "" {
		return []finding{bad("RabbitMQ", "no address", "set PARLEY_RABBITMQ_URL to amqp://user:password@host:port/vhost")}
	}
	parsed, err := amqpbroker.ParseAddress(secret.New(address))
	if errors.Is(err, broker.ErrInvalid) {
		return []finding{bad("RabbitMQ", "no address", "PARLEY_RABBITMQ_URL cannot be read: write amqp://user:password@host:port/vhost")}
	}
	if err != nil {
		return []finding{bad("RabbitMQ", "no certificates", err.Error())}
	}
	connection, err := dialRabbitMQ(ctx, parsed)
	if err != nil {
		return []finding{bad("RabbitMQ reachable", "no", explainAMQP(err))}
	}
	defer connection.Close()
	version, _ := connection.Properties["version"].(string)
	findings := []finding{
		good("RabbitMQ reachable", "yes"),
		expect(isSupportedBroker(version), "RabbitMQ version", version, "run RabbitMQ 3.10 or newer"),
	}
	for _, queue := range transmitQueues() {
		findings = append(findings, checkQueue(connection, queue), checkDeadLetters(connection, queue+broker.DeadSuffix))
	}
	for _, texts := range []struct {
		owner  component.Name
		source indexer.Source
	}{{component.Message, messageserver.Source(nil)}, {component.User, userserver.Source(nil)}} {
		if environ[component.EnvElasticsearchURL] != "" {
			findings = append(findings, checkSearchQueue(ctx, connection, indexer.Events(texts.source), texts.owner))
		}
		findings = append(findings, checkParked(connection, texts.source.Queue()+broker.DeadSuffix)...)
	}
	return findings
}

func dialRabbitMQ(ctx context.Context, address amqpbroker.Address) (*amqp.Connection, error) {
	return amqp.DialConfig(address.URL.Reveal(), amqp.Config{
		Heartbeat: 10 * time.Second, TLSClientConfig: address.TLS,
		Dial: func(network, address string) (net.Conn, error) {
			connection, err := (&net.Dialer{Timeout: checkTimeout}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			// The library ends this deadline itself once the connection is open.
			return connection, connection.SetDeadline(time.Now().Add(checkTimeout))
		},
	})
}

func explainAMQP(err error) string {
	refusal, refused := errors.AsType[*amqp.Error](err)
	switch {
	case refused && (refusal.Code == amqp.NotAllowed || refusal.Reason == amqp.ErrVhost.Reason):
		return "RabbitMQ refuses the vhost of PARLEY_RABBITMQ_URL: create it, or give the user rights on it"
	case refused && refusal.Code == amqp.AccessRefused:
		return "RabbitMQ refuses the user of PARLEY_RABBITMQ_URL: correct user and password"
	case certificate.IsRefusal(err):
		return "RabbitMQ and this program do not agree on TLS: correct ca.crt, or the client's certificate, or PARLEY_RABBITMQ_TLS"
	default:
		return "check that RabbitMQ runs and that PARLEY_RABBITMQ_URL names its host and port"
	}
}

func isSupportedBroker(version string) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, err := strconv.Atoi(first)
	if err != nil {
		return false
	}
	minor, err := strconv.Atoi(second)
	return err == nil && (major > 3 || major == 3 && minor >= 10)
}

// inspect answers whether a queue exists, and its counts. A refused look closes its channel, so each look
// has its own.
func inspect(connection *amqp.Connection, name string) (queue amqp.Queue, exists bool, err error) {
	channel, err := connection.Channel()
	if err != nil {
		return queue, false, err
	}
	defer channel.Close()
	queue, err = channel.QueueDeclarePassive(name, true, false, false, false, nil)
	if refusal, ok := errors.AsType[*amqp.Error](err); ok && refusal.Code == amqp.NotFound {
		return queue, false, nil
	}
	return queue, err == nil, err
}

func checkQueue(connection *amqp.Connection, name string) finding {
	check := "queue " + name
	queue, exists, err := inspect(connection, name)
	switch {
	case err != nil:
		return bad(check, "not readable", "give the user of PARLEY_RABBITMQ_URL the right to read "+name)
	case !exists:
		return good(check, "not there yet, transmit makes it")
	}
	found := fmt.Sprintf("%d waiting, %d consumers", queue.Messages, queue.Consumers)
	return expect(queue.Consumers > 0 || queue.Messages == 0, check, found, "start parley transmit: nobody takes the events")
}

// checkSearchQueue looks at the events for a search index. One that is not there is made by its service.
func checkSearchQueue(ctx context.Context, connection *amqp.Connection, s broker.Subscription, owner component.Name) finding {
	check := "queue " + s.Queue
	queue, err := amqpbroker.Look(ctx, connection, s)
	switch {
	case err != nil:
		return bad(check, "not readable", "give the user of PARLEY_RABBITMQ_URL the right to read "+s.Queue)
	case !queue.Found:
		return good(check, "not there yet, "+string(owner)+" makes it")
	case queue.Conflict != nil:
		return bad(check, fmt.Sprintf("made by another build, %d consumers", queue.Consumers),
			"end the pods that consume it: then "+string(owner)+" makes it anew and fills its index")
	}
	found := fmt.Sprintf("%d waiting, %d consumers", queue.Ready, queue.Consumers)
	return expect(queue.Consumers > 0 || queue.Ready == 0, check, found, "start parley "+string(owner)+": nobody takes the events")
}

// checkParked looks at what a search index could not take; without an index there is no such queue.
func checkParked(connection *amqp.Connection, name string) []finding {
	check := "queue " + name
	queue, exists, err := inspect(connection, name)
	switch {
	case err != nil:
		return []finding{bad(check, "not readable", "give the user of PARLEY_RABBITMQ_URL the right to read "+name)}
	case !exists:
		return nil
	}
	return []finding{expect(queue.Messages == 0, check, fmt.Sprintf("%d events that the search index did not take", queue.Messages),
		"run parley reindex --parked: it says why, and writes what the index takes now")}
}

func checkDeadLetters(connection *amqp.Connection, name string) finding {
	check := "queue " + name
	queue, exists, err := inspect(connection, name)
	switch {
	case err != nil:
		return bad(check, "not readable", "give the user of PARLEY_RABBITMQ_URL the right to read "+name)
	case !exists:
		return good(check, "not there yet, transmit makes it")
	}
	return expect(queue.Messages == 0, check, fmt.Sprintf("%d events that could not be read", queue.Messages),
		"look at the log of transmit, then purge the queue: clients have fetched what they missed")
}
