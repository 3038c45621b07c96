// SPDX-License-Identifier: Apache-2.0

// Package upstream holds what transmit asks of others.
//
// Friends calls the friend service, Groups the message service; Ring wraps the source of the gateway ring, which never blocks.
package upstream
