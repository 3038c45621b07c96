// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/test/ledger/scenario"
)

// TestOperationsLoseNothing does what platform teams do, one after the other, each while people write.
func TestOperationsLoseNothing(t *testing.T) {
	c := install(t, "e2e-operations")
	c.loadNextVersion(t)
	for _, operation := range []struct {
		name   string
		faults []scenario.Fault
	}{
		{"scale up and down", []scenario.Fault{c.scale(3), c.scale(2)}},
		{"bad image and the way back", []scenario.Fault{c.badImage()}},
		{"version change and the way back", []scenario.Fault{c.version(nextVersion), c.version(version)}},
		{"rotated Secret", []scenario.Fault{c.rotate()}},
		{"restart by annotation", []scenario.Fault{c.restart()}},
		{"drain of a node", []scenario.Fault{c.drainNode()}},
		{"node cut off the network", []scenario.Fault{c.cutNode()}},
	} {
		t.Run(operation.name, func(t *testing.T) { c.survives(t, light(), operation.faults...) })
	}
}

// loadNextVersion builds the program once more, as a later version, and brings its image into the cluster.
func (c *chat) loadNextVersion(t *testing.T) {
	t.Helper()
	c.load(t, "parley-chat/parley:"+nextVersion, "./services", "-ldflags", "-s -w -X main.version="+nextVersion)
}

// badImage asks for an image that nobody has. The old pods serve, the status says what to do, and taking the
// wish back is enough.
func (c *chat) badImage() scenario.Fault {
	return scenario.Fault{Name: "bad image", Inject: func(ctx context.Context) error {
		err := c.patch(ctx, map[string]any{"image": map[string]any{"repository": "parley-chat/missing"}})
		if err == nil {
			err = c.saysBadImage(ctx)
		}
		return errors.Join(err, c.patch(ctx, map[string]any{"image": nil}), c.ready(ctx), c.agrees(ctx, current))
	}}
}

func (c *chat) saysBadImage(ctx context.Context) error {
	if err := c.reason(ctx, chatv1alpha1.ConditionStalled, chatv1alpha1.ReasonImagePullFailed); err != nil {
		return err
	}
	if err := errors.Join(c.oldPodsServe(ctx), c.agrees(ctx, failed)); err != nil {
		return err
	}
	page, err := c.parley(ctx, "status", chatName)
	for _, words := range []string{chatv1alpha1.ReasonImagePullFailed, "spec.image"} {
		if err == nil && !strings.Contains(page, words) {
			err = fmt.Errorf("kubectl parley status does not say %q:\n%s", words, page)
		}
	}
	return err
}

// oldPodsServe checks that each Deployment has a pod that serves, whatever happens to new ones.
func (c *chat) oldPodsServe(ctx context.Context) error {
	deployments, err := c.deployments(ctx)
	if err != nil {
		return err
	}
	for name, d := range deployments {
		if d.Status.AvailableReplicas < 1 {
			return fmt.Errorf("%s has no pod that serves", name)
		}
	}
	return nil
}

// rotate gives the chat another account of MariaDB. Who does not read that Secret is left alone.
func (c *chat) rotate() scenario.Fault {
	return scenario.Fault{Name: "rotated Secret", Inject: func(ctx context.Context) error {
		const rotated = "parley_rotated"
		before, err := c.deployments(ctx)
		if err != nil {
			return err
		}
		if err := c.account(ctx, rotated, password+"-2"); err != nil {
			return err
		}
		entries := c.mysqlEntries()
		entries["username"], entries["password"] = rotated, password+"-2"
		if err := c.secret(ctx, mysqlSecret, entries); err != nil {
			return err
		}
		if _, err := c.here(ctx, "annotate", "chatcluster", chatName, chatv1alpha1.AnnotationReload+"=now", "--overwrite"); err != nil {
			return err
		}
		err = until(ctx, func(ctx context.Context) error { return c.rolled(ctx, before) })
		if err != nil {
			return err
		}
		if _, err := c.admin.ExecContext(ctx, "DROP USER "+storeUser+"@'%'"); err != nil {
			return err
		}
		return errors.Join(c.ready(ctx), c.agrees(ctx, current))
	}}
}

// rolled checks that exactly the readers of MySQL have new pods to come.
func (c *chat) rolled(ctx context.Context, before map[string]appsv1.Deployment) error {
	now, err := c.deployments(ctx)
	if err != nil {
		return err
	}
	readers := component.Readers(component.MySQL)
	for name, d := range now {
		reader := slices.Contains(readers, component.Name(d.Labels["app.kubernetes.io/component"]))
		if changed := d.Generation != before[name].Generation; changed != reader {
			return fmt.Errorf("%s reads the Secret: %t; it was rolled: %t", name, reader, changed)
		}
	}
	return nil
}

// restart rolls everything, by the annotation that kubectl parley restart sets.
func (c *chat) restart() scenario.Fault {
	return scenario.Fault{Name: "restart", Inject: func(ctx context.Context) error {
		before, err := c.pods(ctx, string(component.Message))
		if err != nil {
			return err
		}
		if _, err := c.parley(ctx, "restart", chatName); err != nil {
			return err
		}
		err = until(ctx, func(ctx context.Context) error {
			now, err := c.pods(ctx, string(component.Message))
			if err == nil && now[0].UID == before[0].UID {
				err = errors.New("the pod of message is the old one")
			}
			return err
		})
		return errors.Join(err, c.ready(ctx), c.agrees(ctx, current))
	}}
}

// drainNode empties a node that holds a gateway, as an upgrade of the node does.
func (c *chat) drainNode() scenario.Fault {
	return scenario.Fault{Name: "drain node", Inject: func(ctx context.Context) error {
		node, err := c.gatewayNode(ctx)
		if err != nil {
			return err
		}
		if _, err := c.kubectl(ctx, "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=4m"); err != nil {
			return err
		}
		err = errors.Join(c.ready(ctx), c.agrees(ctx, current))
		_, undone := c.kubectl(ctx, "uncordon", node)
		return errors.Join(err, undone)
	}}
}

// cutNode cuts a node that holds a gateway off the network. The status admits it, the pods come up
// elsewhere, and the node comes back.
func (c *chat) cutNode() scenario.Fault {
	return scenario.Fault{Name: "cut node", Inject: func(ctx context.Context) (err error) {
		node, err := c.gatewayNode(ctx)
		if err != nil {
			return err
		}
		number := node[strings.LastIndexByte(node, '-')+1:]
		if err := c.node(ctx, "node-down", number); err != nil {
			return err
		}
		defer func() {
			err = errors.Join(err, c.node(context.WithoutCancel(ctx), "node-up", number), c.ready(ctx), c.agrees(ctx, current))
		}()
		if err := c.nodeIs(ctx, node, corev1.ConditionUnknown); err != nil {
			return err
		}
		return until(ctx, c.elsewhere(node))
	}}
}

// gatewayNode has a gateway, and is not the node through which this machine reaches Services.
func (c *chat) gatewayNode(ctx context.Context) (string, error) {
	pods, err := c.pods(ctx, string(component.Gateway))
	if err != nil {
		return "", err
	}
	for _, pod := range pods {
		if !strings.HasSuffix(pod.Spec.NodeName, "-1") {
			return pod.Spec.NodeName, nil
		}
	}
	return "", fmt.Errorf("all %d gateways are on the first node", len(pods))
}

func (c *chat) nodeIs(ctx context.Context, name string, want corev1.ConditionStatus) error {
	return until(ctx, func(ctx context.Context) error {
		node := &corev1.Node{}
		if err := c.Get(ctx, client.ObjectKey{Name: name}, node); err != nil {
			return err
		}
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == want {
				return nil
			}
		}
		return fmt.Errorf("the condition Ready of %s is not %s", name, want)
	})
}

// elsewhere checks that every component serves on other nodes.
func (c *chat) elsewhere(node string) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		for _, name := range running() {
			pods, err := c.pods(ctx, string(name))
			if err != nil {
				return err
			}
			for _, pod := range pods {
				if pod.Spec.NodeName == node || !isReady(pod) {
					return fmt.Errorf("%s is on %s and not ready", pod.Name, pod.Spec.NodeName)
				}
			}
		}
		return nil
	}
}

func isReady(pod corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
