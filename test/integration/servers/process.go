// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// Waiting for a server.
const (
	startTimeout = 2 * time.Minute
	stopTimeout  = 20 * time.Second
	pollEvery    = 50 * time.Millisecond
)

// process is a server that runs, in a process group of its own.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // read after done
}

// start runs a command that writes into the file log. It outlives ctx; stop and kill end it.
func start(ctx context.Context, log string, env []string, name string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = out, out
	// A test that panics or is killed must not leave servers behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = cmd.Wait()
	}()
	return p, nil
}

// signal goes to the whole group, so that children of a wrapper get it too.
func (p *process) signal(s syscall.Signal) {
	_ = syscall.Kill(-p.cmd.Process.Pid, s) // gone already is fine
}

// stop asks with TERM, and kills after stopTimeout.
func (p *process) stop() {
	p.signal(syscall.SIGTERM)
	p.endedWithin(stopTimeout)
	p.kill()
}

func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

func (p *process) endedWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}

// ready polls until check succeeds, the process ends, or startTimeout is over.
func (p *process) ready(ctx context.Context, log string, check func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("server ended while starting, see %s:\n%s", log, tail(log))
		case <-ctx.Done():
			return fmt.Errorf("server does not answer, see %s: %w", log, errors.Join(ctx.Err(), err))
		case <-ticker.C:
		}
	}
}

// tail is the end of a log, for an error text.
func tail(log string) string {
	const most = 2000
	text, err := os.ReadFile(log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// Ports of servers lie below those that Linux gives to outgoing connections (32768 and up): a server that
// is restarted must find its port as it left it.
const (
	firstPort = 10240
	portCount = 32768 - firstPort
	portTries = 100
)

// FreePort is a port of 127.0.0.1 that nobody listens on now, picked at random so that tests that run side
// by side do not meet.
func FreePort(ctx context.Context) (int, error) {
	var problems error
	for range portTries {
		port := firstPort + rand.IntN(portCount)
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			return port, l.Close()
		}
		problems = err
	}
	return 0, fmt.Errorf("find a free port: %w", problems)
}

// run executes a command to its end and returns what it said in the error.
func run(ctx context.Context, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = env
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}
