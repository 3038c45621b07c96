// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/parley-chat/parley/test/integration/servers"
)

// Waiting for a process; chosen, a healthy one is ready in a tenth of it.
const (
	readyTimeout = 30 * time.Second
	stopTimeout  = 15 * time.Second
	pollEvery    = 20 * time.Millisecond
)

// process is one component that can run many times.
type process struct {
	name string
	argv []string
	env  []string
	log  string
	// probe is a URL that answers below 500 when the process is ready: a probe says 503 before, and the door
	// of a program without a built web client says 404.
	probe string

	mu   sync.Mutex // guards cmd and done
	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has ended
}

// start runs the process with extra environment. It outlives ctx.
func (p *process) start(ctx context.Context, extra map[string]string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runs() {
		return fmt.Errorf("%s runs already", p.name)
	}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), p.argv[0], p.argv[1:]...)
	cmd.Env = p.env
	for key, value := range extra {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	cmd.Stdout, cmd.Stderr = out, out
	// A group of its own: what a terminal sends goes to the test alone, and kill reaches every child.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	done := make(chan struct{})
	p.cmd, p.done = cmd, done
	go func() {
		defer close(done)
		_ = cmd.Wait() // the status stays in cmd.ProcessState
	}()
	return nil
}

// runs tells whether the process runs; the caller holds mu.
func (p *process) runs() bool {
	if p.done == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) current() (*exec.Cmd, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd, p.done
}

func (p *process) signal(s syscall.Signal) {
	if cmd, _ := p.current(); cmd != nil {
		_ = syscall.Kill(-cmd.Process.Pid, s) // gone already is fine
	}
}

// kill is SIGKILL; it returns when the process is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	if _, done := p.current(); done != nil {
		<-done
	}
}

// stop asks with TERM and kills after stopTimeout.
func (p *process) stop(ctx context.Context) {
	p.signal(syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	_, _ = p.wait(ctx) // too late: it is killed
	p.kill()
}

// wait returns the exit status when the process has ended by itself.
func (p *process) wait(ctx context.Context) (int, error) {
	cmd, done := p.current()
	if done == nil {
		return 0, fmt.Errorf("%s was never started", p.name)
	}
	select {
	case <-done:
		return cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("%s still runs: %w", p.name, ctx.Err())
	}
}

// ready polls the readiness probe until it is answered, the process ends, or readyTimeout is over.
func (p *process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	_, done := p.current()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		err := ask(ctx, p.probe)
		if err == nil {
			return nil
		}
		select {
		case <-done:
			return fmt.Errorf("%s ended while starting:\n%s", p.name, tail(p.log, 2000))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", p.name, errors.Join(ctx.Err(), err), tail(p.log, 2000))
		case <-ticker.C:
		}
	}
}

func ask(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}

// tail is the end of a log.
func tail(path string, most int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// freePorts finds ports that nobody listens on now, all different.
func freePorts(ctx context.Context, n int) ([]string, error) {
	ports := make([]string, 0, n)
	for len(ports) < n {
		port, err := servers.FreePort(ctx)
		if err != nil {
			return nil, err
		}
		if text := strconv.Itoa(port); !slices.Contains(ports, text) {
			ports = append(ports, text)
		}
	}
	return ports, nil
}
