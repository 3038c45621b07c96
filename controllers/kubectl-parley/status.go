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
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/yaml"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

func (p *plugin) statusCommand() *cobra.Command {
	var output string
	command := &cobra.Command{
		Use: "status [NAME]", Short: "One page: conditions, components, stores, and what to do next", Args: cobra.MaximumNArgs(1),
		Example: "  kubectl parley status demo\n  kubectl parley status demo -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			_, found, err := p.connection.named(cmd.Context(), args)
			if err != nil {
				return err
			}
			return writeStatus(p.out, found, output, p.now())
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "", "json or yaml instead of the page")
	return command
}

func writeStatus(out io.Writer, c *chatv1alpha1.ChatCluster, output string, now time.Time) error {
	var text []byte
	var err error
	switch output {
	case "":
		return writePage(out, c, now)
	case "json":
		text, err = json.MarshalIndent(c.Status, "", "  ")
		text = append(text, '\n')
	case "yaml":
		text, err = yaml.Marshal(c.Status)
	default:
		return fmt.Errorf("output %q is not known: use json or yaml", output)
	}
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

func writePage(out io.Writer, c *chatv1alpha1.ChatCluster, now time.Time) error {
	s := &c.Status
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
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
	fmt.Fprintf(table, "\nNext\t%s\n", next(c))
	return table.Flush()
}

func versions(c *chatv1alpha1.ChatCluster) string {
	serving := text(c.Status.Version)
	if c.Status.Version == c.Spec.Version {
		return serving
	}
	return fmt.Sprintf("%s serves, %s is wanted", serving, c.Spec.Version)
}

func text(value string) string {
	if value == "" {
		return "-"
	}
	return value
}

// next says what a person does now: what stalls comes first, then what is missing, then nothing.
func next(c *chatv1alpha1.ChatCluster) string {
	conditions := c.Status.Conditions
	if len(conditions) == 0 || c.Status.ObservedGeneration < c.Generation {
		return "wait: the operator has not looked at this spec yet; if that lasts, see that parley-operator runs"
	}
	for _, kind := range []string{chatv1alpha1.ConditionStalled, chatv1alpha1.ConditionReconciling} {
		if found := meta.FindStatusCondition(conditions, kind); found != nil && found.Status == metav1.ConditionTrue {
			return advice(found)
		}
	}
	for _, kind := range []string{chatv1alpha1.ConditionDependenciesReady, chatv1alpha1.ConditionAvailable, chatv1alpha1.ConditionReady} {
		if found := meta.FindStatusCondition(conditions, kind); found != nil && found.Status != metav1.ConditionTrue {
			return advice(found)
		}
	}
	return "nothing: all is as the spec asks"
}

// advice adds to the operator's message the command that helps with its reason.
func advice(c *metav1.Condition) string {
	commands := map[string]string{
		chatv1alpha1.ReasonImagePullFailed:          "set spec.version or spec.image to an image that exists, or back to what served; old pods go on serving",
		chatv1alpha1.ReasonProgressDeadlineExceeded: "read the new pods' logs; set spec.version back, or correct the cause; old pods go on serving",
		chatv1alpha1.ReasonMigrationFailed:          "read the log of the Job in status.schema.job, correct the cause, then: kubectl annotate chat NAME --overwrite chat.parley.dev/retry=$(date +%s)",
		chatv1alpha1.ReasonSchemaDirty:              "repair the schema by hand, then: kubectl annotate chat NAME --overwrite chat.parley.dev/retry=$(date +%s)",
		chatv1alpha1.ReasonKeysMissing:              "restore the Secret with the keys, or: kubectl annotate chat NAME chat.parley.dev/recreate-keys=yes",
	}
	parts := slices.DeleteFunc([]string{c.Message, commands[c.Reason]}, func(s string) bool { return s == "" })
	if len(parts) == 0 {
		parts = []string{c.Reason}
	}
	return c.Reason + ": " + strings.Join(parts, "; ")
}
