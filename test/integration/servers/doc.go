// SPDX-License-Identifier: Apache-2.0

// Package servers starts private MariaDB, RabbitMQ, Elasticsearch and S3 servers for tests.
//
// Each runs from the packages of the distribution in a folder of its own, listens on 127.0.0.1 only, and
// can be stopped, killed, restarted on the same port and data, and wiped. Whoever starts one must call
// Stop, which leaves no process behind.
package servers
