// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU times in /proc: USER_HZ is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// usage of one process group or of the machine.
type usage struct {
	cpu time.Duration // user and system, of all threads
	rss int64         // bytes resident
}

// groupUsage adds up the processes of each group, by group id. A process that ends between two looks
// takes its time with it; servers do not end in a window.
func groupUsage() (map[int]usage, error) {
	entries, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	groups := map[int]usage{}
	for _, path := range entries {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		group, u, err := parseStat(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		sum := groups[group]
		groups[group] = usage{cpu: sum.cpu + u.cpu, rss: sum.rss + u.rss}
	}
	return groups, nil
}

// parseStat reads a line of /proc/<pid>/stat: proc(5) counts fields from 1, the name in brackets is the
// second and may hold anything.
func parseStat(text string) (group int, u usage, err error) {
	at := strings.LastIndexByte(text, ')')
	fields := strings.Fields(text[at+1:]) // fields[0] is field 3
	if at < 0 || len(fields) < 22 {
		return 0, u, fmt.Errorf("%q is no process status", text)
	}
	number := func(field int) int64 {
		n, e := strconv.ParseInt(fields[field-3], 10, 64)
		if e != nil {
			err = e
		}
		return n
	}
	u.cpu = time.Duration(number(14)+number(15)) * tick
	u.rss = number(24) * int64(os.Getpagesize())
	return int(number(5)), u, err
}

// machineBusy is the CPU time that the whole machine spent, steal included: what a neighbour takes shows.
func machineBusy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseBusy(string(text))
}

func parseBusy(text string) (time.Duration, error) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line) // cpu user nice system idle iowait irq softirq steal
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("%q is no CPU line", line)
	}
	var busy int64
	for i, field := range fields[1:9] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		if i != 3 && i != 4 { // idle, iowait
			busy += n
		}
	}
	return time.Duration(busy) * tick, nil
}

// slabBytes is the kernel's memory for objects, sockets among them.
func slabBytes() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "Slab:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/meminfo has no line Slab")
}

// calibrate times a fixed loop of integers: the machine's speed now.
func calibrate() time.Duration {
	start := time.Now()
	x := uint64(88172645463325252)
	for range 100_000_000 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	if x == 0 { // never: xorshift leaves zero alone, and keeps the loop
		return 0
	}
	return time.Since(start)
}
