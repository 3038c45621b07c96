// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// windowResult is one line of the results file.
type windowResult struct {
	Schema    int     `json:"schema"`
	Workload  string  `json:"workload"`
	Placement string  `json:"placement"`
	Rate      int     `json:"offered_per_second"`
	Seconds   float64 `json:"seconds"`
	Pinned    bool    `json:"pinned"`
	Cores     int     `json:"cores"`
	Version   string  `json:"go"`

	Load               load               `json:"load"`
	DeliveredPerSecond float64            `json:"delivered_per_second"`
	TotalCPU           float64            `json:"cpu_us_per_delivered"`
	CPU                map[string]float64 `json:"cpu_us_per_delivered_by_component"`
	ServersBusy        float64            `json:"servers_busy_cores"`
	GeneratorBusy      float64            `json:"generator_busy_cores"`
	ForeignBusy        float64            `json:"foreign_busy_cores"`
	StatementsPer      float64            `json:"statements_per_message"`
	CommitsPer         float64            `json:"commits_per_message"`
	PublishedPer       float64            `json:"amqp_published_per_message"`
	ConsumedPer        float64            `json:"amqp_delivered_per_message"`
	CalibrationMS      [2]float64         `json:"calibration_ms"`
}

// steady tells whether the window may be compared with another: as performance comparisons ask.
func (r windowResult) steady() (string, bool) {
	drift := r.CalibrationMS[1]/r.CalibrationMS[0] - 1
	switch {
	case r.Load.lost()+r.Load.Doubled+r.Load.Misordered > 0:
		return "FAILED", false
	case drift > 0.1 || drift < -0.1 || r.ForeignBusy > 0.15:
		return "noisy", false
	case float64(r.Load.Acked) < 0.99*float64(r.Load.Sent):
		return "overloaded", false
	}
	return "ok", true
}

// print writes what was found as tables that line up.
func (b *bench) print(out io.Writer) error {
	w := &strings.Builder{}
	if b.sys.pinned {
		fmt.Fprintf(w, "\nLoad on core 0, servers on the other %d. ", b.windows[0].Cores-1)
	} else {
		fmt.Fprintf(w, "\nLoad and servers share %d cores. ", b.windows[0].Cores)
	}
	fmt.Fprintf(w, "%d pairs, placement %s, %d gateways, texts of %d bytes,\nMariaDB flushing every commit and its binary log.\n\n",
		b.pairs, b.placement, b.gateways, b.bytes)
	b.printWindows(w)
	b.printComponents(w)
	b.printIdle(w)
	_, err := io.WriteString(out, w.String())
	return err
}

func (b *bench) printWindows(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "offered/s\tdelivered/s\tCPU µs/msg\tack p50\tp99 ms\tdelivery p50\tp99 ms\tstatements\tAMQP in\tAMQP out\tlost\tdoubled\tmisordered\tverdict\t")
	for _, r := range b.windows {
		verdict, _ := r.steady()
		_, _ = fmt.Fprintf(t, "%d\t%.0f\t%.0f\t%.1f\t%.1f\t%.1f\t%.1f\t%.2f\t%.2f\t%.2f\t%d\t%d\t%d\t%s\t\n",
			r.Rate, r.DeliveredPerSecond, r.TotalCPU, r.Load.Ack.P50, r.Load.Ack.P99, r.Load.Delivery.P50, r.Load.Delivery.P99,
			r.StatementsPer, r.PublishedPer, r.ConsumedPer, r.Load.lost(), r.Load.Doubled, r.Load.Misordered, verdict)
	}
	_ = t.Flush() // into memory
	for _, r := range b.windows {
		_, _ = fmt.Fprintf(w, "%d/s: servers used %.2f cores, load %.2f, others %.2f; load sent %.1f ms late at p99; calibration %.0f → %.0f ms",
			r.Rate, r.ServersBusy, r.GeneratorBusy, r.ForeignBusy, r.Load.LateMS, r.CalibrationMS[0], r.CalibrationMS[1])
		for _, reason := range slices.Sorted(maps.Keys(r.Load.Refused)) {
			_, _ = fmt.Fprintf(w, "; refused %s %d", reason, r.Load.Refused[reason])
		}
		_, _ = fmt.Fprintln(w)
	}
}

// printComponents tells where the time goes.
func (b *bench) printComponents(w io.Writer) {
	_, _ = fmt.Fprint(w, "\nCPU µs per delivered message, by component\n\n")
	names := map[string]float64{}
	for _, r := range b.windows {
		maps.Copy(names, r.CPU)
	}
	order := slices.SortedFunc(maps.Keys(names), func(a, b string) int { return cmp.Compare(names[b], names[a]) })
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	var header strings.Builder
	header.WriteString("component\t")
	for _, r := range b.windows {
		_, _ = fmt.Fprintf(&header, "at %d/s\tshare\t", r.Rate)
	}
	_, _ = fmt.Fprintln(t, header.String())
	for _, name := range order {
		var line strings.Builder
		line.WriteString(name + "\t")
		for _, r := range b.windows {
			_, _ = fmt.Fprintf(&line, "%.0f\t%.0f%%\t", r.CPU[name], 100*per(r.CPU[name], r.TotalCPU))
		}
		_, _ = fmt.Fprintln(t, line.String())
	}
	_ = t.Flush() // into memory
}

func (b *bench) printIdle(w io.Writer) {
	if b.idle == nil {
		return
	}
	i := b.idle
	_, _ = fmt.Fprintf(w, "\nIdle sessions: %d. Per session: %.1f KB resident in the gateways (%.1f KB heap in use and stacks,\n"+
		"no collection forced), %.1f KB in the kernel for both ends, %.2f goroutines, %.1f µs CPU a second.\n",
		i.Sessions, i.RSS/1000, i.Heap/1000, i.Slab/1000, i.Routines, i.CPU)
}
