// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"os"
	"path/filepath"
	"slices"
)

// Dev is `parley dev`: the whole product in one process, on data in one folder.
type Dev struct {
	process *process
	url     string
}

// StartDev starts it on a free port with its data and log below dir, which exists, and waits until it
// answers.
func StartDev(ctx context.Context, binary, dir string, args ...string) (*Dev, error) {
	ports, err := freePorts(ctx, 1)
	if err != nil {
		return nil, err
	}
	d := &Dev{url: "http://127.0.0.1:" + ports[0]}
	d.process = &process{
		name: "dev", env: os.Environ(), log: filepath.Join(dir, "dev.log"), probe: d.url + "/",
		argv: slices.Concat([]string{binary, "dev", "--data", filepath.Join(dir, "data"), "--port", ports[0]}, args),
	}
	return d, d.Start(ctx)
}

// Start runs it again on the same data and port.
func (d *Dev) Start(ctx context.Context) error {
	if err := d.process.start(ctx, nil); err != nil {
		return err
	}
	if err := d.process.ready(ctx); err != nil {
		d.process.kill()
		return err
	}
	return nil
}

// Kill is SIGKILL; it returns when the process is gone.
func (d *Dev) Kill() { d.process.kill() }

// Stop ends it as a person does, and kills it after 15 s.
func (d *Dev) Stop(ctx context.Context) { d.process.stop(ctx) }

// URL of its public port.
func (d *Dev) URL() string { return d.url }

// Log is the end of what it wrote.
func (d *Dev) Log(most int) string { return tail(d.process.log, most) }
