// SPDX-License-Identifier: Apache-2.0

// Package binaries compiles the programs of a Kubernetes cluster from their Go modules, once.
//
// Each program is static. It lies in .cache/cluster/<module>-<key>/, where key is a hash of the module's
// files, and .cache/cluster/bin holds links to those that are current.
package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// KubernetesVersion is what the programs say of themselves.
const KubernetesVersion = "1.37.2"

// program is one executable: its tools module below hack/cluster/tools and its package there.
type program struct {
	name, module, pkg string
}

// programs in the order of need: the API server's tests need only the first two.
func programs() []program {
	list := []program{{"etcd", "etcd", "go.etcd.io/etcd/server/v3"}}
	for _, name := range []string{"kube-apiserver", "kubelet", "kube-proxy", "kube-controller-manager", "kube-scheduler", "kubectl"} {
		list = append(list, program{name, "kubernetes", "k8s.io/kubernetes/cmd/" + name})
	}
	return append(list,
		program{"coredns", "coredns", "."},
		program{"metrics-server", "metrics", "sigs.k8s.io/metrics-server/cmd/metrics-server"},
		program{"kube-network-policies", "networkpolicies", "sigs.k8s.io/kube-network-policies/cmd"},
	)
}

// All lists the names of the programs.
func All() []string {
	var names []string
	for _, p := range programs() {
		names = append(names, p.name)
	}
	return names
}

// Ensure compiles those of the named programs that are missing, all without names, and answers the folder
// that holds them. It works from anywhere in the repository and writes a line per program that it compiles.
func Ensure(ctx context.Context, out io.Writer, names ...string) (dir string, err error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(root, ".cache", "cluster", "bin")
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // programs are for everybody
		return "", err
	}
	for _, p := range programs() {
		if len(names) > 0 && !slices.Contains(names, p.name) {
			continue
		}
		if err := p.ensure(ctx, root, dir, out); err != nil {
			return "", fmt.Errorf("compile %s: %w", p.name, err)
		}
	}
	return dir, nil
}

// Root is the top folder of the repository.
func Root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "hack", "cluster", "tools")); missing == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("run this inside the repository")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

func (p program) ensure(ctx context.Context, root, dir string, out io.Writer) error {
	module := filepath.Join(root, "hack", "cluster", "tools", p.module)
	key, err := keyOf(module)
	if err != nil {
		return err
	}
	folder := p.module + "-" + key
	target := filepath.Join(root, ".cache", "cluster", folder, p.name)
	if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
		if err := p.compile(ctx, module, target, out); err != nil {
			return err
		}
	}
	link := filepath.Join(dir, p.name)
	if now, err := os.Readlink(link); err == nil && now == filepath.Join("..", folder, p.name) {
		return nil
	}
	fresh := fmt.Sprintf("%s.%d", link, os.Getpid())
	return errors.Join(os.Symlink(filepath.Join("..", folder, p.name), fresh), os.Rename(fresh, link))
}

// compile builds beside the target and moves it there, so that a run that breaks off leaves nothing half.
func (p program) compile(ctx context.Context, module, target string, out io.Writer) error {
	began := time.Now()
	fmt.Fprintf(out, "compile %-24s", p.name)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil { //nolint:gosec // programs are for everybody
		fmt.Fprintln(out, " failed")
		return err
	}
	fresh := fmt.Sprintf("%s.%d", target, os.Getpid())
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", p.flags(), "-o", fresh, p.pkg) //nolint:gosec // a table above
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintln(out, " failed")
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(text)))
	}
	fmt.Fprintf(out, "%6.0f s\n", time.Since(began).Seconds())
	return os.Rename(fresh, target)
}

// flags name the version, which clients would see as v0.0.0 otherwise.
func (p program) flags() string {
	flags := "-s -w"
	if p.module == "kubernetes" {
		const pkg = " -X k8s.io/component-base/version."
		parts := strings.Split(KubernetesVersion, ".")
		flags += pkg + "gitVersion=v" + KubernetesVersion + pkg + "gitMajor=" + parts[0] + pkg + "gitMinor=" + parts[1]
	}
	return flags
}

// keyOf is a hash of the files of a tools module, in order of name.
func keyOf(module string) (string, error) {
	entries, err := os.ReadDir(module)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(module, entry.Name())) //nolint:gosec // a table above
		if err != nil {
			return "", err
		}
		hash.Write(content)
	}
	return hex.EncodeToString(hash.Sum(nil))[:12], nil
}
