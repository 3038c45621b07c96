// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// benchLoad is what the system says of how busy it is.
func benchLoad() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// lags are the times from the commit of marked messages until they were found.
func (r *benchRun) lags() (lags []time.Duration) {
	for id, at := range r.committed {
		if seen, ok := r.seen[id]; ok {
			lags = append(lags, seen.Sub(at))
		}
	}
	return lags
}

func benchAt(values []time.Duration, q float64) string {
	if len(values) == 0 {
		return "-"
	}
	sorted := slices.Sorted(slices.Values(values))
	return strconv.FormatFloat(sorted[int(q*float64(len(sorted)-1))].Seconds()*1000, 'f', 1, 64)
}

func benchPrint(runs []*benchRun, total, rate int) {
	w := &strings.Builder{}
	_, _ = fmt.Fprintf(w, "\nW11: %d messages offered at %d/s in %d conversations of the searcher, %d cores, everything on one machine. ms.\n\n",
		total, rate, benchTalks, runtime.NumCPU())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "index\tsent/s\tcommit p50\tp99\tlag p50\tp99\tmax\tall found after\tdocuments/write\twrite p50\tp99\tsearch meanwhile p50\tp99\tload\t")
	for _, r := range runs {
		lags := r.lags()
		_, _ = fmt.Fprintf(t, "%s\t%.0f\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t\n", r.name, float64(len(r.commits))/r.took.Seconds(),
			benchAt(r.commits, .5), benchAt(r.commits, .99), benchAt(lags, .5), benchAt(lags, .99), benchAt(lags, 1), r.caught.Milliseconds(),
			r.index.written/max(1, len(r.index.writes)), benchAt(r.index.writes, .5), benchAt(r.index.writes, .99),
			benchAt(r.asked, .5), benchAt(r.asked, .99), r.load)
	}
	_ = t.Flush() // into memory
	_, _ = fmt.Fprint(w, "\nOne page of 20, nothing else running\n\n")
	_, _ = fmt.Fprint(t, "query\thits\t")
	for _, r := range runs {
		_, _ = fmt.Fprintf(t, "%s p50\tp99\t", r.name)
	}
	_, _ = fmt.Fprintln(t, "LIKE p50\tp99\t")
	for _, q := range benchQueries() {
		_, _ = fmt.Fprintf(t, "%s\t%d\t", q.typed, runs[0].found[q.typed])
		var like []time.Duration
		for _, r := range runs {
			_, _ = fmt.Fprintf(t, "%s\t%s\t", benchAt(r.queries[q.typed], .5), benchAt(r.queries[q.typed], .99))
			like = append(like, r.like[q.typed]...)
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t\n", benchAt(like, .5), benchAt(like, .99))
	}
	_ = t.Flush() // into memory
	for _, r := range runs {
		for what, n := range r.failed {
			_, _ = fmt.Fprintf(w, "%s: %d times %s\n", r.name, n, what)
		}
	}
	fmt.Println(w.String())
}
