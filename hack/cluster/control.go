// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// startControlPlane starts etcd, the API server and the controllers on the host.
func (p plan) startControlPlane(ctx context.Context) error {
	if err := p.startEtcd(ctx); err != nil {
		return err
	}
	if err := p.startAPIServer(ctx); err != nil {
		return err
	}
	err := until(ctx, time.Minute, func(ctx context.Context) error {
		_, err := p.kubectl(ctx, "get", "--raw", "/readyz")
		return err
	})
	if err != nil {
		return fmt.Errorf("the API server is not ready, see %s: %w", p.log("kube-apiserver"), err)
	}
	return errors.Join(p.startControllers(ctx), p.startScheduler(ctx))
}

func (p plan) startEtcd(ctx context.Context) error {
	return p.daemon(ctx, "etcd", p.program("etcd"),
		"--data-dir="+p.path("etcd"), "--listen-client-urls="+etcdURL(), "--advertise-client-urls="+etcdURL(),
		"--listen-peer-urls=http://127.0.0.1:2380", "--unsafe-no-fsync", "--logger=zap", "--log-level=warn")
}

func (p plan) startAPIServer(ctx context.Context) error {
	pki := func(file string) string { return p.path("pki", file) }
	return p.daemon(ctx, "kube-apiserver", p.program("kube-apiserver"),
		"--etcd-servers="+etcdURL(), "--bind-address="+hostAddress, "--advertise-address="+hostAddress,
		fmt.Sprintf("--secure-port=%d", apiPort), "--service-cluster-ip-range="+serviceRange,
		"--tls-cert-file="+pki("apiserver.crt"), "--tls-private-key-file="+pki("apiserver.key"),
		"--client-ca-file="+pki("ca.crt"), "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true", "--kubelet-preferred-address-types=InternalIP",
		"--kubelet-certificate-authority="+pki("ca.crt"),
		"--kubelet-client-certificate="+pki("apiserver-kubelet.crt"), "--kubelet-client-key="+pki("apiserver-kubelet.key"),
		"--service-account-key-file="+pki("service-accounts.pub"), "--service-account-signing-key-file="+pki("service-accounts.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--requestheader-client-ca-file="+pki("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+pki("front-proxy.crt"), "--proxy-client-key-file="+pki("front-proxy.key"),
		"--enable-aggregator-routing=true",
		"--default-not-ready-toleration-seconds=5", "--default-unreachable-toleration-seconds=5")
}

func (p plan) startControllers(ctx context.Context) error {
	pki := func(file string) string { return p.path("pki", file) }
	return p.daemon(ctx, "kube-controller-manager", p.program("kube-controller-manager"),
		"--kubeconfig="+p.path("controller.kubeconfig"), "--bind-address=127.0.0.1", "--leader-elect=false",
		"--use-service-account-credentials=true", "--service-account-private-key-file="+pki("service-accounts.key"),
		"--root-ca-file="+pki("ca.crt"), "--cluster-signing-cert-file="+pki("ca.crt"), "--cluster-signing-key-file="+pki("ca.key"),
		"--node-monitor-period=1s", "--node-monitor-grace-period=12s", "--allocate-node-cidrs=false")
}

func (p plan) startScheduler(ctx context.Context) error {
	return p.daemon(ctx, "kube-scheduler", p.program("kube-scheduler"),
		"--kubeconfig="+p.path("scheduler.kubeconfig"), "--bind-address=127.0.0.1", "--leader-elect=false")
}

// writeKubeconfigs makes those of people and of the control plane.
func (p plan) writeKubeconfigs() error {
	return errors.Join(
		p.writeKubeconfig(p.kubeconfig(), "admin"),
		p.writeKubeconfig(p.path("controller.kubeconfig"), "controller"),
		p.writeKubeconfig(p.path("scheduler.kubeconfig"), "scheduler"),
		p.writeKubeconfig(p.path("proxy.kubeconfig"), "proxy"))
}

func (p plan) kubectl(ctx context.Context, args ...string) (string, error) {
	return run(ctx, p.program("kubectl"), append([]string{"--kubeconfig=" + p.kubeconfig(), "--request-timeout=10s"}, args...)...)
}

// apply writes a manifest beside the state and applies it.
func (p plan) apply(ctx context.Context, name, manifest string) error {
	path := p.path(name + ".yaml")
	if err := os.WriteFile(path, []byte(manifest), 0o600); err != nil {
		return err
	}
	_, err := p.kubectl(ctx, "apply", "--server-side", "--force-conflicts", "-f", path)
	return err
}
