// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/parley-chat/parley/api/component"

// bindingHelp is what all services understand instead of whole addresses.
const bindingHelp = `

Instead of PARLEY_MYSQL_DSN: PARLEY_MYSQL_HOST, _PORT, _DATABASE and _TLS (VerifyFull, VerifyCA or Disabled).
Instead of PARLEY_RABBITMQ_URL: PARLEY_RABBITMQ_HOST, _PORT, _VHOST and _TLS.
What those do not say, usernames and passwords among it, is read from files: SERVICE_BINDING_ROOT is a folder
with folders mysql, rabbitmq, elasticsearch, objectstore, sms and speech, and in them files such as host, username,
password and ca.crt.`

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
