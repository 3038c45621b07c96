// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"time"
)

// idleResult is what idle sessions cost.
type idleResult struct {
	Sessions int     `json:"sessions"`
	RSS      float64 `json:"rss_bytes_per_session"`  // of all gateways
	Heap     float64 `json:"heap_bytes_per_session"` // heap in use and stacks, as the gateways count
	Slab     float64 `json:"slab_bytes_per_session"` // of the kernel, both ends of each socket
	CPU      float64 `json:"cpu_us_per_second"`      // of all gateways, per session
	Routines float64 `json:"goroutines_per_session"`
}

// memory of all gateways together.
type memory struct {
	rss, slab      int64
	heap, routines float64
	cpu            time.Duration
}

// measureIdle opens sessions, waits until they have settled, and compares with before.
func (b *bench) measureIdle(ctx context.Context) error {
	before, err := b.memory(ctx)
	if err != nil {
		return err
	}
	if err := b.sys.wire.send(command{Do: "idle", Sessions: b.sessions}); err != nil {
		return err
	}
	if _, err := b.sys.wire.expect("idle"); err != nil {
		return err
	}
	opened, err := b.memory(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, b.settle); err != nil {
		return err
	}
	after, err := b.memory(ctx)
	if err != nil {
		return err
	}
	n := float64(b.sessions)
	b.idle = &idleResult{
		Sessions: b.sessions,
		RSS:      float64(after.rss-before.rss) / n,
		Heap:     (after.heap - before.heap) / n,
		Slab:     float64(after.slab-before.slab) / n,
		Routines: (after.routines - before.routines) / n,
		CPU:      float64((after.cpu - opened.cpu).Microseconds()) / b.settle.Seconds() / n,
	}
	if err := b.sys.wire.send(command{Do: "idle"}); err != nil {
		return err
	}
	_, err = b.sys.wire.expect("idle")
	return err
}

func (b *bench) memory(ctx context.Context) (memory, error) {
	var m memory
	groups, err := groupUsage()
	if err != nil {
		return m, err
	}
	for _, name := range b.sys.parley.Names() {
		if !strings.HasPrefix(name, "gateway") {
			continue
		}
		u := groups[b.sys.parley.PID(name)]
		m.rss += u.rss
		m.cpu += u.cpu
		values, err := metrics(ctx, b.sys.parley.OpsURL(name))
		if err != nil {
			return m, err
		}
		m.heap += values["go_memstats_heap_inuse_bytes"] + values["go_memstats_stack_inuse_bytes"]
		m.routines += values["go_goroutines"]
	}
	m.slab, err = slabBytes()
	return m, err
}

// pause lets sessions come to rest. It waits for time, not for a condition: idleness has none.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
