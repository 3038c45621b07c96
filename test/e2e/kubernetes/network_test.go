// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/component"
)

// The pods that try.
const (
	reachImage = "parley-e2e/reach:1"
	stranger   = "stranger"
)

// TestShortNetworkPoliciesAreEnforced tries every port of every component and both stores from a pod of
// another namespace, from an unknown pod beside them, and from pods that look like each component.
func TestShortNetworkPoliciesAreEnforced(t *testing.T) {
	c := install(t, "e2e-network")
	outside := openKube(t, "e2e-stranger")
	c.load(t, reachImage, "./test/e2e/kubernetes/reach")
	targets := c.targets(t)
	for _, from := range append([]string{stranger, "beside"}, names()...) {
		k := c.kube
		if from == stranger {
			k = outside
		}
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			got, err := reach(t, k, from, targets)
			if err != nil {
				t.Fatal(err)
			}
			for _, to := range targets {
				if want := verdictFor(from, to); got[to.address] != want {
					t.Errorf("%s to %s (%s): %s, want %s", from, to.name, to.address, got[to.address], want)
				}
			}
		})
	}
}

// running are the components of a chat without a provider of speech.
func running() []component.Name {
	return slices.DeleteFunc(component.All(), func(name component.Name) bool {
		return name == component.Speech
	})
}

func names() []string {
	var list []string
	for _, name := range running() {
		list = append(list, string(name))
	}
	return list
}

// target is a port that somebody may reach, or nobody here.
type target struct {
	name, address string
	// anybody may connect, or those that are listed.
	anybody bool
	callers []component.Name
}

func (c *chat) targets(t *testing.T) []target {
	t.Helper()
	list := []target{
		{name: "MySQL", address: fmt.Sprintf("%s:%d", storeAddress, c.mysql), callers: component.Readers(component.MySQL)},
		{name: "RabbitMQ", address: fmt.Sprintf("%s:%d", storeAddress, c.amqp), callers: component.Readers(component.RabbitMQ)},
	}
	for _, name := range running() {
		pods, err := c.pods(t.Context(), string(name))
		if err != nil {
			t.Fatal(err)
		}
		at := func(port int32) string { return fmt.Sprintf("%s:%d", pods[0].Status.PodIP, port) }
		list = append(list, target{name: string(name) + " probes", address: at(component.OpsPort)})
		if callers := component.Callers(name); len(callers) > 0 {
			list = append(list, target{name: string(name) + " calls", address: at(component.RPCPort), callers: callers})
		}
		if name == component.Gateway {
			list = append(list, target{name: "gateway", address: at(component.PublicPort), anybody: true})
		}
	}
	return list
}

// verdictFor is what the pair list says. Strangers are held by no policy on their own way out, so they
// reach the stores; components reach what they are listed for, and nothing else.
func verdictFor(from string, to target) string {
	isComponent := slices.Contains(names(), from)
	store := to.name == "MySQL" || to.name == "RabbitMQ"
	open := slices.Contains(to.callers, component.Name(from)) ||
		!isComponent && (to.anybody || store)
	if open {
		return "open"
	}
	return "closed"
}

// reach runs a pod with the labels of a component that tries all targets. It is never ready, so no Service
// sends anybody there.
func reach(t *testing.T, k kube, from string, targets []target) (map[string]string, error) {
	t.Helper()
	var addresses []string
	for _, to := range targets {
		addresses = append(addresses, to.address)
	}
	labels := map[string]string{"app.kubernetes.io/name": "reach"}
	if slices.Contains(names(), from) {
		labels = map[string]string{
			"app.kubernetes.io/name": "parley", "app.kubernetes.io/instance": chatName, "app.kubernetes.io/component": from,
		}
	}
	name := "reach-" + from
	err := k.apply(t.Context(), map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name, "labels": labels},
		"spec": map[string]any{
			"restartPolicy":                "Never",
			"automountServiceAccountToken": false,
			"securityContext": map[string]any{
				"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": map[string]any{"type": "RuntimeDefault"},
			},
			"containers": []any{map[string]any{
				"name": "reach", "image": reachImage, "imagePullPolicy": "Never", "args": addresses,
				"readinessProbe": map[string]any{"tcpSocket": map[string]any{"port": 1}},
				"securityContext": map[string]any{
					"allowPrivilegeEscalation": false, "capabilities": map[string]any{"drop": []string{"ALL"}},
				},
			}},
		},
	})
	if err != nil {
		return nil, err
	}
	if _, err := k.here(t.Context(), "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/"+name, "--timeout=1m"); err != nil {
		return nil, err
	}
	return verdicts(t.Context(), k, name)
}

func verdicts(ctx context.Context, k kube, pod string) (map[string]string, error) {
	text, err := k.here(ctx, "logs", pod)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for line := range strings.Lines(text) {
		if address, verdict, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			found[address] = verdict
		}
	}
	return found, nil
}
