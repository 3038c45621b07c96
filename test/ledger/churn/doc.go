// SPDX-License-Identifier: Apache-2.0

// Package churn runs the ledger against all services in one process while people join and leave.
package churn
