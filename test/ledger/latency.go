// SPDX-License-Identifier: Apache-2.0

package ledger

import "slices"

// latency measures acknowledgements and deliveries from the first call of each message.
func latency(events []Event) Latency {
	type sent struct {
		cmid   string
		callAt int64
	}
	first, byMsg := map[string]int64{}, map[string]sent{}
	var acks, deliveries []int64
	for _, e := range events {
		if e.Kind != Send {
			continue
		}
		id := identity(e.Client, e.CMID)
		if e.Outcome == OK {
			acks = append(acks, e.ReturnAt-first[id])
			byMsg[e.Msg] = sent{e.CMID, first[id]}
		} else if _, ok := first[id]; e.Outcome == "" && !ok {
			first[id] = e.CallAt
		}
	}
	for _, e := range events {
		if s, ok := byMsg[e.Msg]; ok && e.Kind == Deliver && e.Sender != e.Client {
			deliveries = append(deliveries, e.ReturnAt-s.callAt)
		}
	}
	return Latency{
		AckP50: quantile(acks, 0.5), AckP99: quantile(acks, 0.99),
		DeliveryP50: quantile(deliveries, 0.5), DeliveryP99: quantile(deliveries, 0.99), DeliveryMax: quantile(deliveries, 1),
	}
}

// quantile of microseconds, in milliseconds; 0 without values.
func quantile(values []int64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return float64(sorted[int(q*float64(len(sorted)-1))]) / 1000
}
