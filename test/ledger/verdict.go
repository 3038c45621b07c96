// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"encoding/json"
	"fmt"
	"os"
)

// Class of a verdict.
type Class string

// The classes. Only Pass is green; there is no tolerated ratio.
const (
	Pass           Class = "pass"
	ProductFailure Class = "product_failure"
	// EnvironmentFailure: a server could not be started, or the machine failed.
	EnvironmentFailure Class = "environment_failure"
	// HarnessInvalid: the load side was saturated or lost lines; the run says nothing about the product.
	HarnessInvalid Class = "harness_invalid"
	// InsufficientEvidence: too little was acknowledged or too few faults were injected.
	InsufficientEvidence Class = "insufficient_evidence"
)

// Plan is what a run set out to do.
type Plan struct {
	Run    string   `json:"run"`
	Seed   int64    `json:"seed"`
	Sends  int      `json:"sends"`
	Faults []string `json:"faults"` // in the order in which they are injected
}

// Latency of acknowledgement and delivery, in milliseconds; reported, never judged.
type Latency struct {
	AckP50      float64 `json:"ack_p50_ms"`
	AckP99      float64 `json:"ack_p99_ms"`
	DeliveryP50 float64 `json:"delivery_p50_ms"`
	DeliveryP99 float64 `json:"delivery_p99_ms"`
	DeliveryMax float64 `json:"delivery_max_ms"`
}

// Verdict is the one file that a run leaves.
type Verdict struct {
	Plan
	Class    Class          `json:"class"`
	Why      string         `json:"why"`
	Injected []string       `json:"injected"`
	Counts   map[string]int `json:"breaches"`
	Examples []Breach       `json:"examples,omitempty"`
	Latency  Latency        `json:"latency"`

	Acknowledged int `json:"acknowledged"`
	Unknown      int `json:"unknown"`
	Refused      int `json:"refused"`
	Stored       int `json:"stored"`
	Delivered    int `json:"delivered"`
}

// Judge checks a journal against its plan. A breach outweighs everything but a journal with missing
// lines, which can prove neither.
func Judge(plan Plan, key Key, events []Event) Verdict {
	report := Check(key, events)
	v := Verdict{
		Plan: plan, Counts: report.Counts, Examples: report.Breaches, Latency: latency(events), Injected: injected(events),
		Acknowledged: report.Acknowledged, Unknown: report.Unknown, Refused: report.Refused,
		Stored: report.Stored, Delivered: report.Delivered,
	}
	switch {
	case len(report.Unpaired) > 0:
		v.Class, v.Why = HarnessInvalid, fmt.Sprintf("%d lines lack their other half, first %s", len(report.Unpaired), report.Unpaired[0])
	case len(report.Counts) > 0:
		v.Class, v.Why = ProductFailure, report.Summary()
	case report.Acknowledged < plan.Sends:
		v.Class, v.Why = InsufficientEvidence, fmt.Sprintf("%d of %d sends were acknowledged", report.Acknowledged, plan.Sends)
	case len(v.Injected) < len(plan.Faults):
		v.Class, v.Why = InsufficientEvidence, fmt.Sprintf("%d of %d faults were injected", len(v.Injected), len(plan.Faults))
	default:
		v.Class, v.Why = Pass, report.Summary()
	}
	return v
}

// Environment is the verdict of a run that could not start.
func Environment(plan Plan, cause error) Verdict {
	return Verdict{Plan: plan, Class: EnvironmentFailure, Why: cause.Error(), Counts: map[string]int{}}
}

func injected(events []Event) []string {
	var list []string
	for _, e := range events {
		if e.Kind == FaultOn {
			list = append(list, e.Code)
		}
	}
	return list
}

// WriteFile leaves the verdict as indented JSON.
func (v Verdict) WriteFile(path string) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the verdict: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the verdict: %w", err)
	}
	return nil
}
