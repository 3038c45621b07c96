// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// sample is what is read at an edge of a window.
type sample struct {
	at        time.Time
	groups    map[int]usage
	busy      time.Duration
	delivered int64
}

// run does the whole set: start, register, idle sessions, one window for each rate, print.
func run(ctx context.Context, s settings, out io.Writer) (err error) {
	dir, remove, err := folder(s)
	if err != nil {
		return err
	}
	defer remove()
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(os.Stderr, format+"\n", args...) } // progress only
	say("starting MariaDB, RabbitMQ, %d gateways and the services in %s", s.gateways, dir)
	sys, err := start(ctx, s, dir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, sys.logs(os.Stderr))
		}
		err = errors.Join(err, sys.stop(ctx))
	}()
	say("registering %d people (one password hash each)", 2*s.pairs)
	if err := sys.prepare(ctx, s); err != nil {
		return err
	}
	b := bench{settings: s, sys: sys, say: say}
	if err := b.measureAll(ctx); err != nil {
		return err
	}
	return b.print(out)
}

// folder is where data and logs go.
func folder(s settings) (dir string, remove func(), err error) {
	if s.dir != "" {
		return s.dir, func() {}, os.MkdirAll(s.dir, 0o700)
	}
	if dir, err = os.MkdirTemp("", "parley-bench-"); err != nil {
		return "", nil, err
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil // a left-over is the system's to clear
}

func (sys *system) prepare(ctx context.Context, s settings) error {
	var gateways []string
	for seat := range s.gateways {
		gateways = append(gateways, sys.parley.GatewayURL(seat))
	}
	err := sys.wire.send(command{Do: "prepare", Gateways: gateways, Pairs: s.pairs, Placement: s.placement})
	if err != nil {
		return err
	}
	if _, err := sys.wire.expect("prepared"); err != nil {
		return err
	}
	return sys.pinServers(ctx)
}

// bench is one run and what it found.
type bench struct {
	settings
	sys     *system
	say     func(format string, args ...any)
	idle    *idleResult
	windows []windowResult
}

func (b *bench) measureAll(ctx context.Context) error {
	if b.sessions > 0 {
		b.say("opening %d idle sessions", b.sessions)
		if err := b.measureIdle(ctx); err != nil {
			return err
		}
	}
	for _, rate := range b.rates {
		b.say("window: %d messages a second for %v", rate, b.warmup+b.measure)
		r, err := b.window(ctx, rate)
		if err != nil {
			return err
		}
		b.windows = append(b.windows, r)
		if err := b.append(r); err != nil {
			return err
		}
	}
	return nil
}

// window measures one rate. CPU times are read at the edges of the measured part; the counters of the
// servers around all of the load, since asking for them takes a second of CPU.
func (b *bench) window(ctx context.Context, rate int) (windowResult, error) {
	c := command{Do: "open", Rate: rate, WarmupMS: b.warmup.Milliseconds(), MeasureMS: b.measure.Milliseconds(), Bytes: b.bytes}
	if err := b.sys.wire.send(c); err != nil {
		return windowResult{}, err
	}
	if _, err := b.sys.wire.expect("opened"); err != nil {
		return windowResult{}, err
	}
	calibrated := calibrate()
	counted, err := b.sys.probe.read(ctx)
	if err != nil {
		return windowResult{}, err
	}
	c.Do = "load"
	if err := b.sys.wire.send(c); err != nil {
		return windowResult{}, err
	}
	before, err := b.edge("begin")
	if err != nil {
		return windowResult{}, err
	}
	after, err := b.edge("end")
	if err != nil {
		return windowResult{}, err
	}
	done, err := b.sys.wire.expect("done")
	if err != nil {
		return windowResult{}, err
	}
	all, err := b.sys.probe.read(ctx)
	if err != nil {
		return windowResult{}, err
	}
	r := b.result(rate, before, after, *done.Outcome)
	r.count(all.since(counted), float64(done.Acked))
	r.CalibrationMS = [2]float64{ms(calibrated), ms(calibrate())}
	return r, nil
}

// edge waits for an edge of the window and reads the CPU times there.
func (b *bench) edge(event string) (sample, error) {
	said, err := b.sys.wire.expect(event)
	if err != nil {
		return sample{}, err
	}
	s := sample{at: time.Now(), delivered: said.Delivered}
	if s.groups, err = groupUsage(); err != nil {
		return s, err
	}
	s.busy, err = machineBusy()
	return s, err
}

// result sets the difference of two samples in relation to what was delivered between them.
func (b *bench) result(rate int, before, after sample, l load) windowResult {
	delivered, seconds := float64(after.delivered-before.delivered), after.at.Sub(before.at).Seconds()
	r := windowResult{
		Schema: 1, Workload: "pairs", Placement: b.placement, Rate: rate, Seconds: seconds, Pinned: b.sys.pinned,
		Cores: runtime.NumCPU(), Version: version(), Load: l, CPU: map[string]float64{}, DeliveredPerSecond: delivered / seconds,
	}
	ours := time.Duration(0)
	for group, name := range b.sys.groups() {
		spent := after.groups[group].cpu - before.groups[group].cpu
		r.CPU[name] += per(float64(spent.Microseconds()), delivered)
		r.TotalCPU += per(float64(spent.Microseconds()), delivered)
		ours += spent
	}
	load := b.sys.load.Process.Pid
	generator := after.groups[load].cpu - before.groups[load].cpu
	r.ServersBusy = ours.Seconds() / seconds
	r.GeneratorBusy = generator.Seconds() / seconds
	r.ForeignBusy = max(0, (after.busy-before.busy-ours-generator).Seconds()/seconds)
	return r
}

// count sets what the servers counted in relation to the acknowledged messages.
func (r *windowResult) count(c counters, acked float64) {
	r.StatementsPer, r.CommitsPer = per(float64(c.statements), acked), per(float64(c.commits), acked)
	r.PublishedPer, r.ConsumedPer = per(float64(c.published), acked), per(float64(c.delivered), acked)
}

func per(value, count float64) float64 {
	if count == 0 {
		return 0
	}
	return value / count
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// append adds a window to the file of results.
func (b *bench) append(r windowResult) (err error) {
	f, err := os.OpenFile(b.results, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return err
}

// version says what was measured with.
func version() string { return strings.TrimPrefix(runtime.Version(), "go") + " " + runtime.GOARCH }
