// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// generatorCommand is the argument with which the program runs as the load process.
const generatorCommand = "generate"

// The two processes talk in JSON lines: commands go to the standard input of the load process, reports
// come from its standard output, and each command is answered by the reports named with it.

// command tells the load process what to do next.
type command struct {
	// Do is "prepare" (answered "prepared"), "idle" ("idle"), "open" ("opened"), "load" ("begin", "end",
	// "done") or "quit".
	Do string `json:"do"`

	Gateways  []string `json:"gateways,omitempty"` // public base URLs, by seat
	Pairs     int      `json:"pairs,omitempty"`
	Placement string   `json:"placement,omitempty"`

	Sessions int `json:"sessions,omitempty"` // idle sessions to hold; 0 closes them

	Rate      int   `json:"rate,omitempty"`
	WarmupMS  int64 `json:"warmup_ms,omitempty"`
	MeasureMS int64 `json:"measure_ms,omitempty"`
	Bytes     int   `json:"bytes,omitempty"`
}

// report is what the load process says.
type report struct {
	Event string `json:"event"`
	Error string `json:"error,omitempty"`

	Delivered int64 `json:"delivered,omitempty"` // at "begin", "end" and "done": counted up to now
	Acked     int64 `json:"acked,omitempty"`
	Outcome   *load `json:"outcome,omitempty"` // at "done"
}

// load is what one window showed, counted over the messages that were due in it.
type load struct {
	Sent       int            `json:"sent"`
	Acked      int            `json:"acked"`
	Delivered  int            `json:"delivered"`
	Doubled    int            `json:"doubled"`
	Misordered int            `json:"misordered"`
	Refused    map[string]int `json:"refused,omitempty"` // by reason
	Resyncs    int            `json:"resyncs"`
	Ack        quantiles      `json:"ack_ms"`
	Delivery   quantiles      `json:"delivery_ms"`
	LateMS     float64        `json:"late_p99_ms"` // how late the generator itself sent
}

// lost is what was acknowledged and not delivered when the window had drained.
func (l load) lost() int { return max(0, l.Acked-l.Delivered) }

// quantiles in milliseconds.
type quantiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// wire sends and receives JSON lines.
type wire struct {
	in  *bufio.Scanner
	out io.Writer
}

func newWire(in io.Reader, out io.Writer) *wire {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 1<<20)
	return &wire{in: scanner, out: out}
}

func (w *wire) send(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.out.Write(append(line, '\n'))
	return err
}

func (w *wire) receive(v any) error {
	if !w.in.Scan() {
		return errors.Join(io.ErrUnexpectedEOF, w.in.Err())
	}
	return json.Unmarshal(w.in.Bytes(), v)
}

// expect receives the named report.
func (w *wire) expect(event string) (report, error) {
	var r report
	if err := w.receive(&r); err != nil {
		return r, fmt.Errorf("the load process ended before %q: %w", event, err)
	}
	if r.Error != "" {
		return r, fmt.Errorf("load process: %s", r.Error)
	}
	if r.Event != event {
		return r, fmt.Errorf("the load process says %q, want %q", r.Event, event)
	}
	return r, nil
}
