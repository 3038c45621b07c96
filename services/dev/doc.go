// SPDX-License-Identifier: Apache-2.0

// Package dev runs the whole product in one process from a ChatCluster manifest.
//
// It needs nothing installed: a SQLite file per service stands for MySQL, a bus in the process for
// RabbitMQ, and services meet over connections in memory. Only the gateways listen, gateway k on the
// first port plus k. What a person must act on, for example a busy port, is one line that says what to
// do, found before anything starts. Data, keys and a lock lie in one folder.
package dev
