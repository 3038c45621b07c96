// SPDX-License-Identifier: Apache-2.0

// Package telemetry shows what a process does: its logger, its metrics, its probes.
//
// The ops port carries probes, metrics and /statusz; it is never reachable from outside the cluster.
package telemetry
