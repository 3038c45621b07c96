// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/test/ledger"
)

// What a run waits for; each bounds the run, none is a promise of the product.
const (
	// healTimeout is how long devices may take to catch up once the system is whole; the target is 60 s.
	healTimeout = 3 * time.Minute
	pollEvery   = 50 * time.Millisecond
	sayEvery    = 2 * time.Second
	bodyBytes   = 128
)

// Options of a run.
type Options struct {
	// Gateways are public base URLs.
	Gateways []string
	// People with Devices each; everybody is a friend of the next one.
	People, Devices int
	// Sends in all, spread over the devices, and over this time at least.
	Sends int
	Over  time.Duration
	// Timeout bounds the run until all sends are acknowledged.
	Timeout time.Duration
	// Faults are injected one after the other, evenly over the acknowledged sends.
	Faults []Fault
	// Churn is how often somebody leaves a group of everybody and comes back while the others write to it;
	// 0: there is no group. Every third of the people does so, and only hears.
	Churn int
	// UntilWhole makes the devices go on at their pace, beyond Sends, until the last fault is over.
	UntilWhole bool
	// Seed decides who sends where and when.
	Seed int64
	// Key makes the markers.
	Key ledger.Key
	// Dir gets journal.jsonl and verdict.json.
	Dir string
	// Dial opens devices.
	Dial Dial
	// Heal bounds how long devices may take to catch up once the system is whole; 0: three minutes.
	Heal time.Duration
	// Progress gets a line every two seconds.
	Progress io.Writer
}

// run is one run while it goes.
type run struct {
	options Options
	world   *world
	journal *ledger.Writer
	clock   ledger.Clock
	devices []*device
	numbers atomic.Int64
	acked   atomic.Int64
	shown   atomic.Int64
	whole   atomic.Bool // the faults are over

	mu      sync.Mutex // guards what follows
	lost    error      // first line that could not be written
	current string     // fault that is on
}

// Run does everything and returns the verdict, which also lies in the folder. An error means that there is
// none: the load itself could not be made.
func Run(ctx context.Context, o Options) (ledger.Verdict, error) {
	plan := ledger.Plan{Run: filepath.Base(o.Dir), Seed: o.Seed, Sends: o.Sends, Faults: Names(o.Faults)}
	path := filepath.Join(o.Dir, "journal.jsonl")
	file, err := os.Create(path)
	if err != nil {
		return ledger.Verdict{}, err
	}
	r := &run{options: o, journal: ledger.NewWriter(file, plan.Run, o.Seed), clock: ledger.NewClock(time.Now)}
	err = errors.Join(r.do(ctx), file.Close(), r.lost)
	if err != nil {
		return ledger.Verdict{}, err
	}
	verdict, err := judge(plan, o.Key, path)
	if err != nil {
		return verdict, err
	}
	return verdict, verdict.WriteFile(filepath.Join(o.Dir, "verdict.json"))
}

func judge(plan ledger.Plan, key ledger.Key, path string) (ledger.Verdict, error) {
	file, err := os.Open(path)
	if err != nil {
		return ledger.Verdict{}, err
	}
	defer file.Close()
	events, err := ledger.Read(file)
	if err != nil {
		return ledger.Verdict{}, err
	}
	return ledger.Judge(plan, key, events), nil
}

func (r *run) do(ctx context.Context) (err error) {
	if r.world, err = populate(ctx, r.options.Gateways, r.options.People, r.options.Devices); err != nil {
		return err
	}
	if r.options.Churn > 0 {
		if err := r.world.makeGroup(ctx); err != nil {
			return err
		}
	}
	for conversation, members := range r.world.members {
		for _, p := range members {
			r.write(ledger.Event{Kind: ledger.Join, Client: p.id, Conv: conversation})
		}
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.openAll(ctx); err != nil {
		return err
	}
	if err := r.load(ctx); err != nil {
		return err
	}
	r.heal(ctx)
	if err := r.writeMemberships(ctx); err != nil {
		return err
	}
	return r.world.readAll(ctx, r.journal, r.clock)
}

func (r *run) openAll(ctx context.Context) error {
	for i, p := range r.world.people {
		for number := range p.logins {
			d, err := r.open(ctx, p, number, i+number)
			if err != nil {
				return err
			}
			r.devices = append(r.devices, d)
		}
	}
	return nil
}

func (r *run) close() error {
	var problems []error
	for _, d := range r.devices {
		problems = append(problems, d.link.Close())
	}
	return errors.Join(problems...)
}

// load sends everything while the faults come, and ends when all is acknowledged and every fault is over.
func (r *run) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	said, stop := context.WithCancel(ctx)
	var saying sync.WaitGroup
	saying.Go(func() { r.say(said) })
	defer saying.Wait()
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	for i, d := range r.devices {
		rng := rand.New(rand.NewPCG(uint64(r.options.Seed), uint64(i)))
		group.Go(func() error { return r.sender(ctx, d, share(r.options.Sends, len(r.devices), i), rng) })
	}
	group.Go(func() error { return r.faults(ctx) })
	group.Go(func() error { return r.churn(ctx) })
	return group.Wait()
}

// share is how many of n sends one of the devices makes.
func share(n, devices, i int) int {
	each := n / devices
	if i < n%devices {
		each++
	}
	return each
}

// sender makes the sends of one device, at random moments of its even share of the time. One message per
// conversation is unanswered at a time, as the protocol asks of clients.
func (r *run) sender(ctx context.Context, d *device, sends int, rng *rand.Rand) error {
	group, ctx := errgroup.WithContext(ctx)
	for k, conversation := range d.person.conversations {
		mine := share(sends, len(d.person.conversations), k)
		seed := rng.Uint64()
		group.Go(func() error {
			return r.stream(ctx, d, conversation, mine, rand.New(rand.NewPCG(seed, 0)))
		})
	}
	return group.Wait()
}

func (r *run) stream(ctx context.Context, d *device, conversation string, sends int, rng *rand.Rand) error {
	start := time.Now()
	for i := 0; i < sends || r.goesOn(sends); i++ {
		at := r.options.Over * time.Duration(i) / time.Duration(sends)
		at += time.Duration(rng.Int64N(int64(r.options.Over)/int64(sends) + 1))
		if err := sleep(ctx, time.Until(start.Add(at))); err != nil {
			return err
		}
		if err := d.send(ctx, conversation, r.numbers.Add(1)); err != nil {
			return err
		}
	}
	return nil
}

// goesOn tells a stream that has made its sends whether the load is to last longer.
func (r *run) goesOn(sends int) bool {
	return r.options.UntilWhole && sends > 0 && !r.whole.Load()
}

// faults injects each fault when its share of the sends is acknowledged.
func (r *run) faults(ctx context.Context) error {
	for i, f := range r.options.Faults {
		due := int64(r.options.Sends) * int64(i+1) / int64(len(r.options.Faults)+1)
		if err := poll(ctx, func() bool { return r.acked.Load() >= due }); err != nil {
			return err
		}
		r.fault(ledger.FaultOn, f.Name, f.Name)
		if err := f.Inject(ctx); err != nil {
			return fmt.Errorf("fault %q: %w", f.Name, err)
		}
		r.fault(ledger.FaultOff, f.Name, "")
	}
	r.whole.Store(true)
	return nil
}

func (r *run) fault(kind ledger.Kind, name, current string) {
	r.write(ledger.Event{Kind: kind, Code: name, CallAt: r.clock.Now()})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = current
}

// heal waits until every device has shown what the servers' heads promise, or the deadline is over. What
// is missing then, the judge finds.
func (r *run) heal(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(r.options.Heal, healTimeout))
	defer cancel()
	heads := map[string]int64{}
	for conversation, members := range r.world.members {
		e, err := r.world.history(ctx, 0, members[0], conversation, r.clock)
		if err == nil {
			heads[conversation] = e.Head
		}
	}
	_ = poll(ctx, func() bool { // a deadline is no error here
		return !slices.ContainsFunc(r.devices, func(d *device) bool {
			return slices.ContainsFunc(slices.Concat(d.person.conversations, d.person.hears), func(c string) bool { return d.reached(c) < heads[c] })
		})
	})
}

// write keeps the first error: a journal that lacks lines ends the run without a verdict.
func (r *run) write(e ledger.Event) {
	if err := r.journal.Write(e); err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.lost == nil {
			r.lost = err
		}
	}
}

// say prints how far the run is.
func (r *run) say(ctx context.Context) {
	ticker := time.NewTicker(sayEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		r.mu.Lock()
		fault := r.current
		r.mu.Unlock()
		if fault == "" {
			fault = "none"
		}
		_, _ = fmt.Fprintf(r.options.Progress, "%4.0f s  acknowledged %d of %d  shown %d  fault: %s\n",
			float64(r.clock.Now())/1e6, r.acked.Load(), r.options.Sends, r.shown.Load(), fault) // progress only
	}
}

// poll asks until the answer is yes or ctx ends.
func poll(ctx context.Context, yes func() bool) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for !yes() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// sleep waits until it is a message's turn.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
