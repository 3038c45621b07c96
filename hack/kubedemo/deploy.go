// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/parley-chat/parley/hack/retry"
	"github.com/parley-chat/parley/test/integration/servers"
)

// Where things are in the cluster.
const (
	operatorNamespace = "parley-system"
	chatNamespace     = "chat"
	chatName          = "demo"
)

// imagePrefix is what `make images` calls them.
const imagePrefix = "parley-chat/"

// readyTimeout bounds the first start, migrations included.
const readyTimeout = 5 * time.Minute

func (d demo) archive(name string) string {
	return filepath.Join(d.root, ".cache", "images", name+".tar")
}

func (d demo) loadImages(ctx context.Context) error {
	_, err := d.run(ctx, d.path("cluster"), "load", d.archive("parley"), d.archive("parley-operator"))
	return err
}

// installOperator names the image by its content too, so that a new build of the same version rolls out.
func (d demo) installOperator(ctx context.Context) error {
	content, err := os.ReadFile(d.archive("parley-operator"))
	if err != nil {
		return fmt.Errorf("%w: make images makes it", err)
	}
	if err := d.applyObjects(ctx, namespace(operatorNamespace)); err != nil {
		return err
	}
	helm := func(release, chart string, args ...string) error {
		args = append([]string{"helm", "upgrade", "--install", release, filepath.Join("charts", chart), "-n", operatorNamespace, "--wait", "--timeout", "2m", "--take-ownership"}, args...)
		_, err := d.run(ctx, filepath.Join(d.root, "hack", "tool.sh"), args...)
		return err
	}
	if err := helm("parley-crds", "parley-crds"); err != nil {
		return err
	}
	return helm("parley-operator", "parley-operator", "--set", "scope=Cluster", "--set", "image.tag="+d.version,
		"--set", "image.repository="+imagePrefix+"parley-operator", "--set", "defaultImageRepository="+imagePrefix+"parley",
		"--set-string", fmt.Sprintf("podAnnotations.chat\\.parley\\.dev/image-archive=%x", sha256.Sum256(content)))
}

// applyChat gives the addresses of the stores to the ChatCluster in Secrets, and applies it.
func (d demo) applyChat(ctx context.Context) error {
	password, err := d.password()
	if err != nil {
		return err
	}
	entries := func(port int) map[string]string {
		return map[string]string{"host": storeAddress, "port": strconv.Itoa(port), "username": storeUser, "password": password}
	}
	mysql, rabbitmq := entries(mysqlPort), entries(amqpPort)
	rabbitmq["virtual-host"] = virtualHost
	files := map[string]string{
		"uri": fmt.Sprintf("http://%s:%d", storeAddress, s3Port), "bucket": bucket, "region": servers.S3Region,
		"access-key-id": servers.S3AccessKeyID, "secret-access-key": servers.S3SecretAccessKey,
	}
	err = d.applyObjects(ctx, namespace(chatNamespace), secret(chatName+"-mysql", mysql), secret(chatName+"-rabbitmq", rabbitmq), secret(chatName+"-files", files))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(d.root, "config", "samples", "chatcluster-demo.yaml"))
	if err != nil {
		return err
	}
	var chat struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   map[string]any `json:"metadata"`
		Spec       map[string]any `json:"spec"`
	}
	if err := yaml.UnmarshalStrict(text, &chat); err != nil {
		return err
	}
	chat.Metadata["namespace"], chat.Spec["version"] = chatNamespace, d.version
	return d.applyObjects(ctx, chat)
}

func namespace(name string) map[string]any {
	labels := map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
	return map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name, "labels": labels}}
}

func secret(name string, entries map[string]string) map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "Secret", "stringData": entries,
		"metadata": map[string]any{"name": name, "namespace": chatNamespace},
	}
}

// applyObjects hands objects over on standard input: a password in an argument is for everybody to see.
func (d demo) applyObjects(ctx context.Context, objects ...any) error {
	for _, object := range objects {
		text, err := json.Marshal(object)
		if err != nil {
			return err
		}
		_, err = d.feed(ctx, string(text), filepath.Join(d.bin(), "kubectl"), "apply", "--server-side", "--force-conflicts", "--field-manager=kubedemo", "-f", "-")
		if err != nil {
			return err
		}
	}
	return nil
}

// awaitReady prints each new reason of the condition Ready until it is true for the spec as it is now.
func (d demo) awaitReady(ctx context.Context) error {
	shown := ""
	err := retry.Until(ctx, readyTimeout, time.Second, func(ctx context.Context) error {
		text, err := d.kubectl(ctx, "-n", chatNamespace, "get", "chatcluster", chatName, "-o", "json")
		if err != nil {
			return err
		}
		var chat struct {
			Metadata metav1.ObjectMeta `json:"metadata"`
			Status   struct {
				Conditions []metav1.Condition `json:"conditions"`
			} `json:"status"`
		}
		if err := json.Unmarshal([]byte(text), &chat); err != nil {
			return err
		}
		ready := meta.FindStatusCondition(chat.Status.Conditions, "Ready")
		if ready == nil || ready.ObservedGeneration != chat.Metadata.Generation {
			return errors.New("the operator has not looked at the ChatCluster")
		}
		if now := ready.Reason + ": " + ready.Message; now != shown {
			d.say("  %s", now)
			shown = now
		}
		if ready.Status != metav1.ConditionTrue {
			return errors.New(shown)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w: see kubectl -n %s describe chat %s, and kubectl -n %s logs deployment/parley-operator", err, chatNamespace, chatName, operatorNamespace)
	}
	return nil
}

// startWayIn begins anew each time: the DNS of a new cluster may have another address.
func (d demo) startWayIn(ctx context.Context) error {
	if err := d.stopBackground(ctx, "wayin"); err != nil {
		return err
	}
	if err := d.startBackground("wayin", d.path("kubedemo"), "-listen", d.listen, "wayin"); err != nil {
		return err
	}
	return d.await(ctx, "wayin", 20*time.Second, func(ctx context.Context) error {
		return retry.Answers(ctx, "http://"+d.listen+"/")
	})
}

// uninstall takes away what up has put into a cluster that stays, but for the kind: other ChatClusters need it.
func (d demo) uninstall(ctx context.Context) error {
	if _, err := d.kubectl(ctx, "get", "nodes"); err != nil {
		return nil //nolint:nilerr // a cluster that is gone holds nothing
	}
	// Gateways take minutes to drain; nobody waits for a demo that ends.
	_, err := d.kubectl(ctx, "delete", "namespace", chatNamespace, "--ignore-not-found", "--wait=false")
	_, gone := d.kubectl(ctx, "-n", chatNamespace, "delete", "pods", "--all", "--grace-period=1", "--timeout=1m")
	err = errors.Join(err, gone)
	_, gone = d.kubectl(ctx, "wait", "--for=delete", "namespace/"+chatNamespace, "--timeout=2m")
	err = errors.Join(err, gone)
	for _, release := range []string{"parley-operator", "parley-crds"} {
		_, gone := d.run(ctx, filepath.Join(d.root, "hack", "tool.sh"), "helm", "uninstall", release, "-n", operatorNamespace, "--ignore-not-found", "--wait")
		err = errors.Join(err, gone)
	}
	_, gone = d.kubectl(ctx, "delete", "namespace", operatorNamespace, "--ignore-not-found", "--timeout=2m")
	return errors.Join(err, gone)
}
