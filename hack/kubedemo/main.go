// SPDX-License-Identifier: Apache-2.0

// Command kubedemo runs the whole product on a real Kubernetes on this machine.
//
// `kubedemo up` starts what is not running: the cluster of hack/cluster, MariaDB, RabbitMQ and an S3 server
// beside it, the operator, a ChatCluster, and a local address that leads to it. Again is safe, and brings in what was built
// since. `kubedemo down` ends all of it. The images must be there: make images.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/parley-chat/parley/hack/cluster/binaries"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubedemo:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("kubedemo", flag.ContinueOnError)
	d := demo{out: out, began: time.Now()}
	flags.StringVar(&d.version, "version", "0.1.0", "version of the images")
	flags.StringVar(&d.listen, "listen", "127.0.0.1:8080", "local address of the chat")
	flags.IntVar(&d.nodes, "nodes", 3, "nodes of a new cluster")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, err := binaries.Root()
	if err != nil {
		return err
	}
	d.root, d.dir = root, filepath.Join(root, ".cache", "kubedemo")
	switch flags.Arg(0) {
	case "up", "down":
		unlock, err := d.lock()
		if err != nil {
			return err
		}
		defer unlock()
		if flags.Arg(0) == "up" {
			return d.up(ctx)
		}
		return d.down(ctx)
	case "stores": // not for people: the background process that keeps the stores
		return d.keepStores(ctx)
	case "wayin": // not for people: the background process behind the local address
		return d.keepWayIn(ctx)
	default:
		return errors.New("usage: kubedemo [-version 0.1.0] [-listen 127.0.0.1:8080] [-nodes 3] up | down")
	}
}

// demo says where everything is.
type demo struct {
	out             io.Writer
	began           time.Time
	root, dir       string
	version, listen string
	nodes           int
}

func (d demo) path(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

func (d demo) kubeconfig() string {
	return filepath.Join(d.root, ".cache", "cluster", "state", "kubeconfig")
}
func (d demo) bin() string { return filepath.Join(d.root, ".cache", "cluster", "bin") }

// lock keeps two runs apart; the kernel frees it with the process.
func (d demo) lock() (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(d.dir), 0o755); err != nil { //nolint:gosec // the folder of all caches
		return nil, err
	}
	file, err := os.OpenFile(d.dir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another run starts or ends the demo right now: try again when it is over"), file.Close())
	}
	return func() { _ = file.Close() }, nil // nothing was written
}

// say prints a line with the seconds since the start.
func (d demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, "%5.0f s  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}

func (d demo) up(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("the local cluster needs root: run this as root")
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return err
	}
	if err := d.keepProgram(ctx); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		do   func(ctx context.Context) error
	}{
		{"Kubernetes", d.startCluster},
		{"MariaDB, RabbitMQ and an S3 server", d.startStores},
		{"images", d.loadImages},
		{"operator", d.installOperator},
		{"ChatCluster", d.applyChat},
		{"ready", d.awaitReady},
		{"local address", d.startWayIn},
	} {
		d.say("%s ...", step.name)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	d.say("The chat is at http://%s", d.listen)
	_, err := fmt.Fprintf(d.out, `
Try next:
  export KUBECONFIG=%s PATH=%s:%s:$PATH
  kubectl -n chat get chat                       # the ChatCluster; -o wide shows more
  kubectl -n chat scale chat demo --replicas=3   # one more gateway; sessions move
  kubectl parley status demo -n chat             # everything on one page
  kubectl parley admin create demo -n chat       # a link that makes who opens it the first administrator
  make kube-demo-down                            # the end
`, d.kubeconfig(), filepath.Join(d.root, "bin"), d.bin())
	return err
}

// startCluster notes when the cluster is ours, so that down leaves one alone that ran before. Stores that
// served another cluster are emptied: their schemas know their owner.
func (d demo) startCluster(ctx context.Context) error {
	if err := d.buildCluster(ctx); err != nil {
		return err
	}
	if _, err := d.kubectl(ctx, "get", "nodes"); err != nil {
		if err := os.WriteFile(d.path("cluster.ours"), nil, 0o600); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, d.path("cluster"), "up", "-nodes", strconv.Itoa(d.nodes)) //nolint:gosec // a program of ours
	cmd.Dir, cmd.Stdout, cmd.Stderr = d.root, d.out, os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	id, err := d.kubectl(ctx, "get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
	if err != nil {
		return err
	}
	if before, err := os.ReadFile(d.path("cluster.uid")); err == nil && string(before) != id {
		err := errors.Join(d.stopBackground(ctx, "stores"), os.RemoveAll(d.path("mariadb")), os.RemoveAll(d.path("rabbitmq")), os.RemoveAll(d.path("rabbitmq.account")), os.RemoveAll(d.path("s3")))
		if err != nil {
			return err
		}
	}
	return os.WriteFile(d.path("cluster.uid"), []byte(id), 0o600)
}

// buildCluster keeps a program of its own: `go run` stays between it and its signals.
func (d demo) buildCluster(ctx context.Context) error {
	_, err := d.run(ctx, "go", "build", "-o", d.path("cluster"), "./hack/cluster")
	return err
}

func (d demo) down(ctx context.Context) error {
	if _, err := os.Stat(d.dir); err != nil {
		d.say("there is nothing to end")
		return nil //nolint:nilerr // without a folder there was no start
	}
	failed := d.stopBackground(ctx, "wayin")
	if _, err := os.Stat(d.path("cluster.ours")); err == nil {
		err := d.buildCluster(ctx)
		if err == nil {
			_, err = d.run(ctx, d.path("cluster"), "down")
		}
		failed = errors.Join(failed, err)
		d.say("Kubernetes is gone")
	} else {
		failed = errors.Join(failed, d.uninstall(ctx))
		d.say("ChatCluster and operator are gone; the cluster ran before and stays")
	}
	failed = errors.Join(failed, d.stopBackground(ctx, "stores"))
	d.say("MariaDB, RabbitMQ and the S3 server have ended")
	if failed != nil {
		return failed
	}
	return os.RemoveAll(d.dir)
}

// run executes a command in the repository and answers its output; an error holds what it said.
func (d demo) run(ctx context.Context, name string, args ...string) (string, error) {
	return d.feed(ctx, "", name, args...)
}

func (d demo) feed(ctx context.Context, input, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // commands of this program
	cmd.Dir, cmd.Stdin = d.root, strings.NewReader(input)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+d.kubeconfig())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, strings.TrimSpace(string(text)+stderr.String()))
	}
	return string(text), nil
}

func (d demo) kubectl(ctx context.Context, args ...string) (string, error) {
	return d.run(ctx, filepath.Join(d.bin(), "kubectl"), args...)
}
