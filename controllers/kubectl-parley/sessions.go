// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/manifest"
	"github.com/parley-chat/parley/controllers/internal/statusz"
)

// askTimeout bounds the question to one pod.
const askTimeout = 10 * time.Second

func (p *plugin) sessionsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "sessions [NAME]", Short: "Sessions of each gateway pod, asked now", Args: cobra.MaximumNArgs(1),
		Example: "  kubectl parley sessions demo",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, found, err := p.connection.named(cmd.Context(), args)
			if err != nil {
				return err
			}
			pods, err := c.gatewayPods(cmd.Context(), found.Name)
			if err != nil {
				return err
			}
			return writeSessions(cmd.Context(), p.out, pods, c.askStatus)
		},
	}
}

func (c *cluster) gatewayPods(ctx context.Context, name string) ([]corev1.Pod, error) {
	var pods corev1.PodList
	err := c.List(ctx, &pods, client.InNamespace(c.namespace),
		client.MatchingLabels{manifest.LabelInstance: name, manifest.LabelComponent: string(component.Gateway)})
	return pods.Items, err
}

// writeSessions prints a row per pod; one that does not answer is a row too.
func writeSessions(ctx context.Context, out io.Writer, pods []corev1.Pod, ask func(context.Context, *corev1.Pod) (component.Status, error)) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "POD\tSEAT\tSESSIONS\tGUESTS\tRING\tVERSION\tDRAIN")
	total := 0
	for i := range pods {
		pod := &pods[i]
		status, err := ask(ctx, pod)
		if err != nil || status.Gateway == nil {
			fmt.Fprintf(table, "%s\t-\t-\t-\t-\t-\tdoes not answer\n", pod.Name)
			continue
		}
		g := status.Gateway
		total += g.Sessions
		drain := "-"
		if g.Drain != nil {
			drain = fmt.Sprintf("%d left", g.Drain.Remaining)
			if g.Drain.Overdue {
				drain += ", overdue"
			}
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\t%s\n", pod.Name, g.Seat, g.Sessions, g.Guests, g.RingMembers, status.Version, drain)
	}
	fmt.Fprintf(table, "%d pods\t\t%d\t\t\t\t\n", len(pods), total)
	return table.Flush()
}

// askStatus asks a pod through a port forward, which NetworkPolicies do not stop.
func (c *cluster) askStatus(ctx context.Context, pod *corev1.Pod) (status component.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return status, err
	}
	url := c.clientset.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("portforward").URL()
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	ready, said := make(chan struct{}), &bytes.Buffer{}
	forward, err := portforward.New(dialer, []string{fmt.Sprintf("0:%d", component.OpsPort)}, ctx.Done(), ready, io.Discard, said)
	if err != nil {
		return status, err
	}
	ended := make(chan error, 1)
	go func() { ended <- forward.ForwardPorts() }()
	defer func() {
		cancel()
		err = errors.Join(err, <-ended)
	}()
	select {
	case <-ready:
	case failed := <-ended:
		ended <- nil // for the deferred wait
		return status, errors.Join(failed, ctx.Err(), errors.New("the pod cannot be reached"))
	}
	ports, err := forward.GetPorts()
	if err != nil {
		return status, err
	}
	return statusz.Get(ctx, fmt.Sprintf("127.0.0.1:%d", ports[0].Local))
}
