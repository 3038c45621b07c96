// SPDX-License-Identifier: Apache-2.0

// Command bench measures Parley on real servers on this machine.
//
// It starts MariaDB (every commit flushed), RabbitMQ and each component as a process of its own, and one
// process that makes the load. Where `taskset` is there, the load has the first core for itself and all
// servers share the others. Load is open loop: sends follow a clock, and a latency counts from the time
// that was intended. What it prints, and appends to results.jsonl, is the CPU time of every server process
// per delivered message, the database statements and AMQP messages per message, the latency of
// acknowledgement and delivery, and the memory of an idle session.
package main
