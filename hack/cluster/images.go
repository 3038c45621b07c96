// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// imageOf names the image of one of our own add-ons.
func imageOf(program string) string { return "parley-chat/" + program + ":1" }

// addonImages makes the images of the add-ons and loads them, each once per node.
func (p plan) addonImages(ctx context.Context, list []node) error {
	folder := filepath.Join(p.root, ".cache", "images")
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // images are for everybody
		return err
	}
	pause, tool := filepath.Join(folder, "pause"), filepath.Join(folder, "image")
	if err := errors.Join(p.buildIn(ctx, "hack/image", pause, "./pause"), p.buildIn(ctx, "hack/image", tool, ".")); err != nil {
		return err
	}
	for name, binary := range map[string]string{
		"pause": pause, "coredns": p.program("coredns"), "metrics-server": p.program("metrics-server"), "kube-network-policies": p.program("kube-network-policies"),
	} {
		user := "65532:65532"
		if name == "kube-network-policies" {
			user = "0:0"
		}
		key, err := imageKey(binary, filepath.Join(p.root, "hack", "image", "main.go"))
		if err != nil {
			return err
		}
		archive := filepath.Join(folder, name+".tar")
		err = once(archive+".key", key, func() error {
			_, err := run(ctx, tool, "-name", imageOf(name), "-binary", binary, "-user", user, "-o", archive)
			return err
		})
		if err != nil {
			return err
		}
		for _, n := range list {
			err := once(p.path(n.name(), "image-"+name), key, func() error { return p.load(ctx, []node{n}, []string{archive}) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// imageKey changes when a file does that the image is made from.
func imageKey(files ...string) (string, error) {
	var key strings.Builder
	for _, file := range files {
		path, err := filepath.EvalSymlinks(file)
		if err != nil {
			return "", err
		}
		info, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&key, path, info.Size(), info.ModTime().UnixNano())
	}
	return key.String(), nil
}

// once does something unless the file at path says that it was done for this key.
func once(path, key string, do func() error) error {
	if done, err := os.ReadFile(path); err == nil && string(done) == key { //nolint:gosec // a path of ours
		return nil
	}
	if err := do(); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(key), 0o600)
}

// buildIn compiles a package of a module of the repository.
func (p plan) buildIn(ctx context.Context, module, out, pkg string) error {
	_, err := run(ctx, "env", "CGO_ENABLED=0", "go", "build", "-C", filepath.Join(p.root, module), "-trimpath", "-ldflags", "-s -w", "-o", out, pkg)
	return err
}

// loadAll imports image archives into all nodes that run, for people.
func (p plan) loadAll(ctx context.Context, archives []string, out io.Writer) error {
	list := p.running()
	if len(list) == 0 {
		return errors.New("no node runs: cluster up starts them")
	}
	for _, archive := range archives {
		err := steps{out: out}.do(filepath.Base(archive), func() error { return p.load(ctx, list, []string{archive}) })
		if err != nil {
			return err
		}
	}
	return nil
}

// load imports image archives into every node.
func (p plan) load(ctx context.Context, list []node, archives []string) error {
	for _, n := range list {
		for _, archive := range archives {
			path, err := filepath.Abs(archive)
			if err != nil {
				return err
			}
			if err := p.inside(ctx, n, "ctr", "--namespace=k8s.io", "images", "import", path); err != nil {
				return fmt.Errorf("%s: %w", n.name(), err)
			}
		}
	}
	return nil
}
