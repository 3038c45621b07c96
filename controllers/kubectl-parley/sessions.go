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
	var output string
	command := &cobra.Command{
		Use: "sessions [NAME]", Short: "Sessions of each gateway pod, asked now", Args: cobra.MaximumNArgs(1),
		Long:              "Ask each gateway pod for its sessions, through a port forward. A pod that does not answer has a row too.",
		Example:           "  kubectl parley sessions demo\n  kubectl parley sessions demo -o json",
		ValidArgsFunction: p.completeName,
		PreRunE:           func(*cobra.Command, []string) error { return checkOutput(output) },
		RunE: func(cmd *cobra.Command, args []string) error {
			c, found, err := p.named(cmd.Context(), args)
			if err != nil {
				return err
			}
			rows, err := c.sessions(cmd.Context(), found.Name)
			if err != nil {
				return err
			}
			if output != "" {
				return encode(p.out, output, rows)
			}
			return writeSessions(p.out, rows)
		},
	}
	outputFlag(command, &output)
	return command
}

// podSessions is what one gateway pod says of itself; Status is nil when it does not answer.
type podSessions struct {
	Pod     string                   `json:"pod"`
	Version string                   `json:"version,omitempty"`
	Status  *component.GatewayStatus `json:"status"`
}

func (c *cluster) sessions(ctx context.Context, name string) ([]podSessions, error) {
	pods, err := c.gatewayPods(ctx, name)
	if err != nil {
		return nil, explain(err, "list pods")
	}
	rows := make([]podSessions, 0, len(pods))
	for i := range pods {
		row := podSessions{Pod: pods[i].Name}
		if status, err := c.askStatus(ctx, &pods[i]); err == nil {
			row.Version, row.Status = status.Version, status.Gateway
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (c *cluster) gatewayPods(ctx context.Context, name string) ([]corev1.Pod, error) {
	var pods corev1.PodList
	err := c.List(ctx, &pods, client.InNamespace(c.namespace),
		client.MatchingLabels{manifest.LabelInstance: name, manifest.LabelComponent: string(component.Gateway)})
	return pods.Items, err
}

// writeSessions prints a row per pod; one that does not answer is a row too.
func writeSessions(out io.Writer, rows []podSessions) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "POD\tSEAT\tSESSIONS\tGUESTS\tRING\tVERSION\tDRAIN")
	total := 0
	for _, row := range rows {
		g := row.Status
		if g == nil {
			fmt.Fprintf(table, "%s\t-\t-\t-\t-\t-\tdoes not answer\n", row.Pod)
			continue
		}
		total += g.Sessions
		drain := "-"
		if g.Drain != nil {
			drain = fmt.Sprintf("%d left", g.Drain.Remaining)
			if g.Drain.Overdue {
				drain += ", overdue"
			}
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\t%s\n", row.Pod, g.Seat, g.Sessions, g.Guests, g.RingMembers, row.Version, drain)
	}
	fmt.Fprintf(table, "all %d pods\t-\t%d\t-\t-\t-\t-\n", len(rows), total)
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
