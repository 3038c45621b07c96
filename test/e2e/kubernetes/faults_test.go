// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/test/ledger"
	"github.com/parley-chat/parley/test/ledger/scenario"
)

// load is what people do while something happens to the cluster.
type load struct {
	people, devices, sends int
	over                   time.Duration
}

// light is enough to see a loss in any second, and no more than the one message a second that each person
// may write for long.
func light() load { return load{people: 4, devices: 1, sends: 80, over: 20 * time.Second} }

// survives runs a load through the faults, and fails the test unless every acknowledged message is in
// history exactly once and reached everybody in order.
func (c *chat) survives(t *testing.T, l load, faults ...scenario.Fault) {
	t.Helper()
	gateways, err := c.seatURLs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop := c.watchLies(t)
	defer stop()
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	v, err := scenario.Run(t.Context(), scenario.Options{
		Gateways: gateways, People: l.people, Devices: l.devices, Sends: l.sends, Over: l.over, Timeout: 10 * time.Minute,
		Faults: faults, UntilWhole: true, Seed: 1, Key: key, Dir: t.TempDir(), Dial: scenario.DialFromHere, Progress: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("verdict %s: %s", v.Class, v.Why)
	t.Logf("latency in ms: acknowledgement p50 %.1f p99 %.1f; delivery p50 %.1f p99 %.1f max %.1f",
		v.Latency.AckP50, v.Latency.AckP99, v.Latency.DeliveryP50, v.Latency.DeliveryP99, v.Latency.DeliveryMax)
	for _, breach := range v.Examples {
		t.Error(breach)
	}
	if v.Class != ledger.Pass {
		t.Errorf("class %s, want %s", v.Class, ledger.Pass)
	}
}

// seatURLs are the addresses of the first two seats, one after the other.
func (c *chat) seatURLs(ctx context.Context) ([]string, error) {
	urls := make([]string, 0, 2)
	for seat := range 2 {
		address, err := c.address(ctx, fmt.Sprintf("%s-gateway-%d", chatName, seat), component.PublicPort)
		if err != nil {
			return nil, err
		}
		urls = append(urls, "http://"+address)
	}
	return urls, nil
}

// forceDelete takes a pod away as a crash does, and waits until another has its place.
func (c *chat) forceDelete(which component.Name, seat int) scenario.Fault {
	name := fmt.Sprintf("force delete %s", which)
	if which == component.Gateway {
		name = fmt.Sprintf("%s-%d", name, seat)
	}
	return scenario.Fault{Name: name, Inject: func(ctx context.Context) error {
		pods, err := c.pods(ctx, string(which))
		if err != nil {
			return err
		}
		victim := pods[0].Name
		if which == component.Gateway {
			at := slices.IndexFunc(pods, func(p corev1.Pod) bool { return p.Spec.Hostname == fmt.Sprintf("seat-%d", seat) })
			if at < 0 {
				return fmt.Errorf("seat %d has no pod", seat)
			}
			victim = pods[at].Name
		}
		if _, err := c.here(ctx, "delete", "pod", victim, "--force", "--grace-period=0"); err != nil {
			return err
		}
		return c.agrees(ctx, current)
	}}
}

func (c *chat) restartRabbitMQ() scenario.Fault {
	return scenario.Fault{Name: "restart rabbitmq", Inject: c.rabbitmq.Restart}
}

// change does something to the ChatCluster and waits as people do, with kubectl.
func (c *chat) change(name string, do func(ctx context.Context) error) scenario.Fault {
	return scenario.Fault{Name: name, Inject: func(ctx context.Context) error {
		return errors.Join(do(ctx), c.ready(ctx), c.agrees(ctx, current))
	}}
}

func (c *chat) scale(replicas int) scenario.Fault {
	return c.change(fmt.Sprintf("scale to %d", replicas), func(ctx context.Context) error {
		_, err := c.here(ctx, "scale", "chatcluster/"+chatName, fmt.Sprintf("--replicas=%d", replicas))
		return err
	})
}

func (c *chat) version(version string) scenario.Fault {
	return c.change("version "+version, func(ctx context.Context) error {
		return c.patch(ctx, map[string]any{"version": version})
	})
}

// reason waits until a condition has it.
func (c *chat) reason(ctx context.Context, condition, reason string) error {
	return until(ctx, func(ctx context.Context) error {
		object, err := c.get(ctx)
		if err != nil {
			return err
		}
		for _, found := range object.Status.Conditions {
			if found.Type == condition && found.Reason == reason && found.ObservedGeneration == object.Generation {
				return nil
			}
		}
		return fmt.Errorf("%s is not %s: %s", condition, reason, told(object))
	})
}

func told(object *chatv1alpha1.ChatCluster) string {
	text := ""
	for _, c := range object.Status.Conditions {
		text += fmt.Sprintf("%s=%s %s: %s; ", c.Type, c.Status, c.Reason, c.Message)
	}
	return text
}
