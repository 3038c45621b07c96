// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
)

// Fault is something that is done to the system while people write. Inject returns when the system is
// whole again as far as the fault is concerned; clients may still be catching up.
type Fault struct {
	Name   string
	Inject func(ctx context.Context) error
}

// Names lists faults for a plan.
func Names(faults []Fault) []string {
	names := make([]string, 0, len(faults))
	for _, f := range faults {
		names = append(names, f.Name)
	}
	return names
}

// Processes is what faults need of a cluster.
type Processes interface {
	Kill(name string) error
	Start(ctx context.Context, name string, extra map[string]string) error
}

// Crash kills a component and starts it again.
func Crash(c Processes, name string) Fault {
	return Fault{Name: "kill " + name, Inject: func(ctx context.Context) error {
		if err := c.Kill(name); err != nil {
			return err
		}
		if err := c.Start(ctx, name, nil); err != nil {
			return fmt.Errorf("start %s again: %w", name, err)
		}
		return nil
	}}
}
