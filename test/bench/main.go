// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const helpText = `Measures Parley on real MariaDB and RabbitMQ on this machine.

Usage: go run ./test/bench [flags]

Examples:
  go run ./test/bench                          the whole set, about four minutes
  go run ./test/bench --quick                  a smoke run, about one minute
  go run ./test/bench --rates 500,2000,5000    other offered rates, messages a second
  go run ./test/bench --sessions 0             no idle sessions
  go run ./test/bench --placement home         each user on their home gateway

Flags:
`

// settings of a run.
type settings struct {
	pairs     int
	rates     []int
	warmup    time.Duration
	measure   time.Duration
	sessions  int
	settle    time.Duration
	gateways  int
	bytes     int
	placement string
	binary    string
	dir       string
	results   string
	pin       bool
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == generatorCommand {
		exit(generate(context.Background(), os.Stdin, os.Stdout))
		return
	}
	s, err := parse(os.Args[1:], os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\nRun with --help for the flags.\n", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx, s, os.Stdout))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func parse(args []string, out io.Writer) (settings, error) {
	var s settings
	var rates string
	var quick bool
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		_, _ = io.WriteString(out, helpText)
		flags.PrintDefaults()
	}
	flags.IntVar(&s.pairs, "pairs", 500, "pairs of friends; each pair has one user on an even and one on an odd gateway")
	flags.StringVar(&rates, "rates", "500,2000", "offered rates, messages a second, one window each")
	flags.DurationVar(&s.warmup, "warmup", 5*time.Second, "load before a window is measured")
	flags.DurationVar(&s.measure, "measure", 20*time.Second, "length of a measured window")
	flags.IntVar(&s.sessions, "sessions", 5000, "idle sessions whose memory is measured; 0: none")
	flags.DurationVar(&s.settle, "settle", 10*time.Second, "wait before memory is read")
	flags.IntVar(&s.gateways, "gateways", 2, "gateway processes")
	flags.IntVar(&s.bytes, "bytes", 256, "size of a text")
	flags.StringVar(&s.placement, "placement", "split", `"split": the two of a pair on different gateways; "home": everybody on their home gateway`)
	flags.StringVar(&s.binary, "binary", "", "parley program; empty: build it")
	flags.StringVar(&s.dir, "dir", "", "folder for data and logs; empty: a temporary one, removed at the end")
	flags.StringVar(&s.results, "results", "results.jsonl", "file that gets one JSON object for each window")
	flags.BoolVar(&s.pin, "pin", true, "give the load a core of its own, if taskset is there")
	flags.BoolVar(&quick, "quick", false, "smoke run: 20 pairs, 100 and 200 messages a second, 3 s windows, 200 sessions")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if quick {
		s.pairs, rates, s.warmup, s.measure, s.sessions, s.settle = 20, "100,200", time.Second, 3*time.Second, 200, time.Second
	}
	for text := range strings.SplitSeq(rates, ",") {
		rate, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || rate < 1 || rate > 50_000 {
			return s, fmt.Errorf("--rates: %q is no rate between 1 and 50000", text)
		}
		s.rates = append(s.rates, rate)
	}
	return s, s.check()
}

// check bounds a run, so that no typing error fills the machine.
func (s settings) check() error {
	switch {
	case s.pairs < 1 || s.pairs > 5000:
		return errors.New("--pairs: want 1 to 5000")
	case s.sessions < 0 || s.sessions > 15_000:
		return errors.New("--sessions: want 0 to 15000")
	case s.gateways < 1 || s.gateways > 8:
		return errors.New("--gateways: want 1 to 8")
	case s.bytes < 64 || s.bytes > 8000:
		return errors.New("--bytes: want 64 to 8000")
	case s.warmup+s.measure > 5*time.Minute:
		return errors.New("--warmup and --measure: want 5 minutes at most together")
	case s.placement != "split" && s.placement != "home":
		return errors.New(`--placement: want "split" or "home"`)
	}
	return nil
}
