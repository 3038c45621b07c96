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
		Long: "Write a .tar.gz with the ChatCluster, its children, Events, and the last lines of logs. Secrets are not read;\n" +
			"the values of podTemplate.env and of foreign annotations are left out.",
		Example: "  kubectl parley report demo -f demo.tar.gz",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, found, err := p.connection.named(cmd.Context(), args)
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
	for name, list := range map[string]client.ObjectList{
		"deployments": &appsv1.DeploymentList{}, "replicasets": &appsv1.ReplicaSetList{}, "pods": &corev1.PodList{},
		"services": &corev1.ServiceList{}, "jobs": &batchv1.JobList{}, "networkpolicies": &networkingv1.NetworkPolicyList{},
		"poddisruptionbudgets": &policyv1.PodDisruptionBudgetList{},
	} {
		if err := b.list(ctx, c, name, list, selected...); err != nil {
			return err
		}
	}
	if err := b.list(ctx, c, "endpointslices", &discoveryv1.EndpointSliceList{}, client.InNamespace(found.Namespace)); err != nil {
		return err
	}
	if err := b.list(ctx, c, "events", &eventsv1.EventList{}, client.InNamespace(found.Namespace)); err != nil {
		return err
	}
	return b.logs(ctx, c, selected)
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

// redact leaves out what people may have put secrets into.
func redact(object client.Object) {
	object.SetManagedFields(nil)
	annotations := object.GetAnnotations()
	for key := range annotations {
		if !strings.HasPrefix(key, chatv1alpha1.AnnotationPrefix) {
			annotations[key] = "left out"
		}
	}
	object.SetAnnotations(annotations)
	switch o := object.(type) {
	case *chatv1alpha1.ChatCluster:
		redactCluster(&o.Spec)
	case *appsv1.Deployment:
		redactPod(&o.Spec.Template.Spec)
	case *appsv1.ReplicaSet:
		redactPod(&o.Spec.Template.Spec)
	case *batchv1.Job:
		redactPod(&o.Spec.Template.Spec)
	case *corev1.Pod:
		redactPod(&o.Spec)
	}
}

func redactCluster(spec *chatv1alpha1.ChatClusterSpec) {
	var templates []*chatv1alpha1.ServicePodTemplate
	if spec.PodTemplate != nil {
		templates = append(templates, &spec.PodTemplate.ServicePodTemplate)
	}
	services := []*chatv1alpha1.Service{spec.Services.User, spec.Services.Friend, spec.Services.Message, spec.Services.Transmit}
	if spec.Services.Gateway != nil {
		templates = append(templates, spec.Services.Gateway.PodTemplate)
	}
	for _, service := range services {
		if service != nil {
			templates = append(templates, service.PodTemplate)
		}
	}
	for _, template := range templates {
		if template == nil {
			continue
		}
		for i := range template.Env {
			template.Env[i].Value = "left out"
		}
	}
}

// redactPod keeps our own settings, which hold no secret, and leaves out all others.
func redactPod(spec *corev1.PodSpec) {
	for i := range spec.Containers {
		env := spec.Containers[i].Env
		for j := range env {
			if env[j].Value != "" && !strings.HasPrefix(env[j].Name, "PARLEY_") {
				env[j].Value = "left out"
			}
		}
	}
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
		}
		if err := b.add("logs/"+name+".log", content); err != nil {
			return err
		}
	}
	return nil
}
