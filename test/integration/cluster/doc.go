// SPDX-License-Identifier: Apache-2.0

// Package cluster runs Parley as processes, as pods would run it.
//
// Each component is one process of the `parley` program with its own ports on 127.0.0.1, its own MySQL
// schema and its own log file. A caller kills, freezes and restarts them by name; a restarted component
// keeps its ports, as a Service keeps its address. Stop leaves no process behind.
package cluster
