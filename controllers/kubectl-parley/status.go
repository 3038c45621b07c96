// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/yaml"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

func (p *plugin) statusCommand() *cobra.Command {
	var output string
	command := &cobra.Command{
		Use: "status [NAME]", Short: "One page: conditions, components, stores, and what to do next", Args: cobra.MaximumNArgs(1),
		Long:              "Show what the operator says of a ChatCluster, and what to do next for every reason that asks for something.",
		Example:           "  kubectl parley status demo\n  kubectl parley status demo -o json",
		ValidArgsFunction: p.completeName,
		PreRunE:           func(*cobra.Command, []string) error { return checkOutput(output) },
		RunE: func(cmd *cobra.Command, args []string) error {
			_, found, err := p.named(cmd.Context(), args)
			if err != nil {
				return err
			}
			return writeStatus(p.out, found, output, p.now())
		},
	}
	outputFlag(command, &output)
	return command
}

func writeStatus(out io.Writer, c *chatv1alpha1.ChatCluster, output string, now time.Time) error {
	if output == "" {
		return writePage(out, c, now)
	}
	return encode(out, output, c.Status)
}

// outputFlag is the same for all commands that can also print data.
func outputFlag(command *cobra.Command, output *string) {
	command.Flags().StringVarP(output, "output", "o", "", "json or yaml instead of a table")
}

// encode writes a value as data, for programs.
func encode(out io.Writer, output string, value any) error {
	var text []byte
	var err error
	switch output {
	case "json":
		text, err = json.MarshalIndent(value, "", "  ")
		text = append(text, '\n')
	case "yaml":
		text, err = yaml.Marshal(value)
	default:
		return checkOutput(output)
	}
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

func checkOutput(output string) error {
	if slices.Contains([]string{"", "json", "yaml"}, output) {
		return nil
	}
	return fmt.Errorf("output %q is not known: use json or yaml", output)
}

func writePage(out io.Writer, c *chatv1alpha1.ChatCluster, now time.Time) error {
	var page strings.Builder
	writeTables(&page, c, now)
	writeNext(&page, next(c))
	_, err := io.WriteString(out, trimLines(page.String()))
	return err
}

// trimLines cuts what pads an empty last column.
func trimLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

func writeTables(page *strings.Builder, c *chatv1alpha1.ChatCluster, now time.Time) {
	s := &c.Status
	table := tabwriter.NewWriter(page, 0, 8, 2, ' ', 0)
	fmt.Fprintf(table, "ChatCluster\t%s/%s\n", c.Namespace, c.Name)
	fmt.Fprintf(table, "Version\t%s\n", versions(c))
	fmt.Fprintf(table, "Pods ready\t%s\n", text(s.Ready))
	if s.Gateway != nil {
		fmt.Fprintf(table, "Sessions\t%d on %d seats\n", s.Gateway.Sessions, s.Gateway.RingMembers)
	}
	fmt.Fprintf(table, "Endpoint\t%s\n", text(s.Endpoint))
	if u := s.Upgrade; u != nil {
		fmt.Fprintf(table, "Upgrade\t%s to %s, step %s\n", text(u.From), u.To, text(u.Step))
		if u.Failed != nil {
			fmt.Fprintf(table, "\tgave up %s: %s\n", u.Failed.Version, u.Failed.Reason)
		}
	}
	if s.Search != nil {
		fmt.Fprintf(table, "Search index\t%s\n", rebuildText(s.Search, now))
	}
	fmt.Fprintln(table, "\nCONDITION\tSTATUS\tREASON\tSINCE\tMESSAGE")
	for _, condition := range s.Conditions {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", condition.Type, condition.Status, condition.Reason,
			duration.HumanDuration(now.Sub(condition.LastTransitionTime.Time)), condition.Message)
	}
	fmt.Fprintln(table, "\nCOMPONENT\tREADY\tUPDATED\tVERSION\tREASON\tMESSAGE")
	for _, service := range s.Services {
		fmt.Fprintf(table, "%s\t%d/%d\t%d\t%s\t%s\t%s\n", service.Name, service.Ready, service.Desired, service.Updated,
			text(service.Version), service.Reason, service.Message)
	}
	fmt.Fprintln(table, "\nSTORE\tREADY\tREASON\tSECRET\tDURABILITY")
	for _, d := range s.Dependencies {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", d.Name, d.Ready, d.Reason, text(d.Secret), text(d.Durability))
	}
	if s.Gateway != nil && len(s.Gateway.Draining) > 0 {
		fmt.Fprintln(table, "\nDRAINING\tSESSIONS\tDEADLINE")
		for _, pod := range s.Gateway.Draining {
			fmt.Fprintf(table, "%s\t%d\tin %s\n", pod.Pod, pod.Sessions, duration.HumanDuration(pod.Deadline.Sub(now)))
		}
	}
	_ = table.Flush() // a Builder takes everything
}

// writeNext ends the page with what a person does now.
func writeNext(page *strings.Builder, list []advice) {
	for _, a := range list {
		fmt.Fprintf(page, "\nNext, because of %s:\n", a.reason)
		for _, line := range a.lines {
			fmt.Fprintf(page, "  %s\n", line)
		}
		for _, command := range a.commands {
			fmt.Fprintf(page, "  $ %s\n", command)
		}
	}
	if len(list) == 0 {
		page.WriteString("\nNext: nothing to do, all is as the spec asks\n")
	}
}

func versions(c *chatv1alpha1.ChatCluster) string {
	switch c.Status.Version {
	case c.Spec.Version:
		return c.Spec.Version
	case "":
		return fmt.Sprintf("none serves yet, %s is wanted", c.Spec.Version)
	default:
		return fmt.Sprintf("%s serves, %s is wanted", c.Status.Version, c.Spec.Version)
	}
}

// rebuildText is one line about the last rebuild of the search index.
func rebuildText(s *chatv1alpha1.SearchStatus, now time.Time) string {
	progress := ""
	if s.Total > 0 {
		progress = fmt.Sprintf(", %d of %d messages (%d %%)", s.Done, s.Total, 100*s.Done/s.Total)
	}
	ago := func(t *metav1.Time) string { return duration.HumanDuration(now.Sub(t.Time)) + " ago" }
	switch {
	case s.FinishedAt != nil:
		return fmt.Sprintf("rebuild %s %s%s", strings.ToLower(s.Phase), ago(s.FinishedAt), progress)
	case s.StartedAt != nil:
		return fmt.Sprintf("rebuild %s, begun %s%s", strings.ToLower(s.Phase), ago(s.StartedAt), progress)
	default:
		return "rebuild " + strings.ToLower(s.Phase)
	}
}

func text(value string) string {
	if value == "" {
		return "-"
	}
	return value
}
