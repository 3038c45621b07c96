// SPDX-License-Identifier: Apache-2.0

package main

import (
	"reflect"

	"github.com/parley-chat/parley/api/component"
)

// bindingHelp is what a service understands instead of whole addresses.
func bindingHelp(config any) string {
	reads := map[string]bool{}
	for _, row := range settingsOf(reflect.TypeOf(config)) {
		reads[row[0]] = true
	}
	text := "\n\n"
	if reads[component.EnvMySQLDSN] {
		text += "Instead of PARLEY_MYSQL_DSN: PARLEY_MYSQL_HOST, _PORT, _DATABASE and _TLS (VerifyFull, VerifyCA or Disabled).\n"
	}
	if reads[component.EnvAMQPURL] {
		text += "Instead of PARLEY_RABBITMQ_URL: PARLEY_RABBITMQ_HOST, _PORT, _VHOST and _TLS (VerifyFull, VerifyCA or Disabled).\n"
	}
	return text + `What is not set, usernames and passwords among it, is read from files: SERVICE_BINDING_ROOT is a folder
with folders mysql, rabbitmq, elasticsearch, objectstore, sms and speech, and in them files such as host, username,
password and ca.crt.`
}

// meaningOfPod goes on for what the operator sets in pods.
func meaningOfPod(variable string) string {
	switch variable {
	case component.EnvNamespace:
		return "namespace of this pod; with it a stop waits until callers know of it"
	case component.EnvRingService:
		return "headless Service whose EndpointSlices are the ring"
	case component.EnvClusterUID:
		return "UID of the ChatCluster that owns the schema"
	case component.EnvGatewaySeatRoutes:
		return "true where the way in routes /v1/ws/<seat>"
	case component.EnvGatewayDrainRate:
		return "sessions that move in a second when a gateway ends, of all gateways together"
	case component.EnvGatewayDrainInitialDelay:
		return "how long a gateway that ends waits before the first session moves"
	case component.EnvGatewayReconnectJitter:
		return "most random wait of a client before it connects again"
	case component.EnvGatewayReconnectDeadline:
		return "how long a client may take to move before it is closed"
	default:
		return meaningOfSearch(variable)
	}
}
