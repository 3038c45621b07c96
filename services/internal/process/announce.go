// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"time"

	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

// The end of a pod, together below its grace period of 60 s.
const (
	// podLinger is how long a pod that is told to stop still serves: until then callers may not know yet
	// that it has left its Service. Chosen; nodes usually know within two seconds.
	podLinger = 5 * time.Second
	// podStop is how long stopping may take after that.
	podStop = 20 * time.Second
)

// Announce makes group say, once all before it run, that the service is ready, and take that back when
// the group stops. In Kubernetes it then holds the others up for a while, so that calls which are on their
// way are still answered. Up, which may be nil, is called between ready and Started. Call Load before.
func (p Parts) Announce(group *lifecycle.Group, ops *telemetry.Ops, up func(ctx context.Context)) {
	if p.linger > 0 {
		group.StopWithin(p.linger + podStop)
	}
	group.Go("ready", func(ctx context.Context) error {
		ops.Ready(true)
		if up != nil {
			up(ctx)
		}
		p.Started()
		<-ctx.Done()
		ops.Ready(false)
		<-time.After(p.linger)
		return nil
	})
}
