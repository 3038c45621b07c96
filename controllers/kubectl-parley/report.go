// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// Bounds of one container's log in a bundle; chosen, no evidence.
const (
	logLines = 2000
	logBytes = 1 << 20
)

func (p *plugin) reportCommand() *cobra.Command {
	var file string
	command := &cobra.Command{
		Use: "report [NAME]", Aliases: []string{"support-bundle"}, Args: cobra.MaximumNArgs(1),
		Short: "Write a bundle with all that helps to find a fault, without secrets",
		Long: "Write a .tar.gz with the ChatCluster, its children, Events, and the last lines of logs. Secrets are not read.\n" +
			"Left out are the values of podTemplate.env, foreign annotations, and of logs all but the known fields of the\n" +
			"program's own lines.",
		Example:           "  kubectl parley report demo -f demo.tar.gz",
		ValidArgsFunction: p.completeName,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, found, err := p.named(cmd.Context(), args)
			if err != nil {
				return err
			}
			if file == "" {
				file = fmt.Sprintf("parley-%s-%s.tar.gz", found.Name, p.now().UTC().Format("20060102-150405"))
			}
			return p.writeReport(cmd.Context(), c, found, file)
		},
	}
	command.Flags().StringVarP(&file, "file", "f", "", "file to write; by default parley-NAME-TIME.tar.gz")
	return command
}

func (p *plugin) writeReport(ctx context.Context, c *cluster, found *chatv1alpha1.ChatCluster, path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // chosen by whoever runs it
	if err != nil {
		return fmt.Errorf("the bundle cannot be written: choose another file with -f: %w", err)
	}
	zip := gzip.NewWriter(file)
	b := &bundle{tar: tar.NewWriter(zip), at: p.now()}
	err = errors.Join(b.collect(ctx, c, found), b.tar.Close(), zip.Close(), file.Close())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "%s holds %d files; look through it before you pass it on\n", path, b.files)
	return err
}

// bundle collects files.
type bundle struct {
	tar   *tar.Writer
	at    time.Time
	files int
}

func (b *bundle) add(name string, content []byte) error {
	b.files++
	err := b.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), ModTime: b.at})
	if err == nil {
		_, err = b.tar.Write(content)
	}
	return err
}

// collect goes on where something may not be read, and says so in the bundle.
func (b *bundle) collect(ctx context.Context, c *cluster, found *chatv1alpha1.ChatCluster) error {
	cluster := found.DeepCopy()
	redact(cluster)
	if err := b.object("chatcluster.yaml", cluster); err != nil {
		return err
	}
	selected := []client.ListOption{client.InNamespace(found.Namespace), ofInstance(found.Name)}
	for _, kind := range []struct {
		name string
		list client.ObjectList
	}{
		{"deployments", &appsv1.DeploymentList{}},
		{"replicasets", &appsv1.ReplicaSetList{}},
		{"pods", &corev1.PodList{}},
		{"services", &corev1.ServiceList{}},
		{"jobs", &batchv1.JobList{}},
		{"networkpolicies", &networkingv1.NetworkPolicyList{}},
		{"poddisruptionbudgets", &policyv1.PodDisruptionBudgetList{}},
	} {
		if err := b.list(ctx, c, kind.name, kind.list, selected...); err != nil {
			return err
		}
	}
	// Another controller manages EndpointSlices; they have the other labels of their Service.
	slices := client.MatchingLabels{manifest.LabelInstance: found.Name}
	if err := b.list(ctx, c, "endpointslices", &discoveryv1.EndpointSliceList{}, client.InNamespace(found.Namespace), slices); err != nil {
		return err
	}
	if err := b.events(ctx, c, found); err != nil {
		return err
	}
	return b.logs(ctx, c, selected)
}

// events of the ChatCluster and its children; other programs of the namespace are none of our business.
func (b *bundle) events(ctx context.Context, c *cluster, found *chatv1alpha1.ChatCluster) error {
	var list eventsv1.EventList
	if err := c.List(ctx, &list, client.InNamespace(found.Namespace)); err != nil {
		return b.add("events.error.txt", []byte(err.Error()+"\n"))
	}
	for i := range list.Items {
		event := &list.Items[i]
		if name := event.Regarding.Name; name != found.Name && !strings.HasPrefix(name, found.Name+"-") {
			continue
		}
		redact(event)
		if err := b.object("events/"+event.Name+".yaml", event); err != nil {
			return err
		}
	}
	return nil
}

func (b *bundle) list(ctx context.Context, c *cluster, name string, list client.ObjectList, options ...client.ListOption) error {
	if err := c.List(ctx, list, options...); err != nil {
		return b.add(name+".error.txt", []byte(err.Error()+"\n"))
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return err
	}
	for _, item := range items {
		object, ok := item.(client.Object)
		if !ok {
			continue
		}
		redact(object)
		if err := b.object(name+"/"+object.GetName()+".yaml", object); err != nil {
			return err
		}
	}
	return nil
}

func (b *bundle) object(name string, object client.Object) error {
	content, err := yaml.Marshal(object)
	if err != nil {
		return err
	}
	return b.add(name, content)
}

func (b *bundle) logs(ctx context.Context, c *cluster, selected []client.ListOption) error {
	var pods corev1.PodList
	if err := c.List(ctx, &pods, selected...); err != nil {
		return b.add("logs.error.txt", []byte(err.Error()+"\n"))
	}
	lines, size := int64(logLines), int64(logBytes)
	for i := range pods.Items {
		name := pods.Items[i].Name
		options := &corev1.PodLogOptions{TailLines: &lines, LimitBytes: &size}
		content, err := c.clientset.CoreV1().Pods(c.namespace).GetLogs(name, options).DoRaw(ctx)
		if err != nil {
			content = []byte(err.Error() + "\n")
		} else {
			content = redactLog(content)
		}
		if err := b.add("logs/"+name+".log", content); err != nil {
			return err
		}
	}
	return nil
}
