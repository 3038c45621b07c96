// SPDX-License-Identifier: Apache-2.0

// Package upstream reaches what a gateway asks.
//
// Sends and resumes travel in lanes: one call is in flight per lane, and what arrives meanwhile forms
// the next one, so that an idle gateway answers at once and a busy one pays little per item. Each item
// has its own result.
package upstream
