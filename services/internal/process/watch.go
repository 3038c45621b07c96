// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/telemetry"
)

// Looks at a store for /statusz; chosen.
const (
	lookPause   = 10 * time.Second
	lookTimeout = 5 * time.Second
)

// Identify says on /statusz what runs and how its broker fares.
func Identify(ops *telemetry.Ops, name component.Name, version string, b broker.Broker) {
	ops.Identify(name, version)
	ops.SetDependency(component.RabbitMQ, func() component.Class {
		if own, ok := b.(interface{ Class() component.Class }); ok {
			return own.Class()
		}
		return "" // one that lives in this process is no dependency
	})
}

// WatchDatabase makes group ask a database now and then how it fares, for /statusz. Nothing else depends
// on it. The empty class is for one that lives in this process.
func WatchDatabase(group *lifecycle.Group, ops *telemetry.Ops, ask func(ctx context.Context) component.Class) {
	WatchDependency(group, ops, component.MySQL, ask)
}

// WatchDependency is WatchDatabase for any store.
func WatchDependency(group *lifecycle.Group, ops *telemetry.Ops, d component.Dependency, ask func(ctx context.Context) component.Class) {
	var latest atomic.Value
	ops.SetDependency(d, func() component.Class {
		class, _ := latest.Load().(component.Class)
		return class
	})
	group.Go("look at "+string(d), func(ctx context.Context) error {
		ticker := time.NewTicker(lookPause)
		defer ticker.Stop()
		for {
			if class := look(ctx, ask); ctx.Err() == nil {
				latest.Store(class)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
		}
	})
}

func look(ctx context.Context, ask func(ctx context.Context) component.Class) component.Class {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return ask(ctx)
}
