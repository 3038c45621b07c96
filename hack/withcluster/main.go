// SPDX-License-Identifier: Apache-2.0

// Command withcluster runs a command while Parley runs as separate processes on real servers.
//
// It takes MariaDB and RabbitMQ from PARLEY_TEST_MYSQL_DSN and PARLEY_TEST_AMQP_URL, which withservers
// sets, starts user, friend, message, transmit and the gateways, names the gateways in
// PARLEY_E2E_BASE_URLS, and exits as the command did.
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
	"strings"
	"syscall"

	"github.com/parley-chat/parley/test/integration/cluster"
)

// logBytes of each component are shown after a failure.
const logBytes = 4096

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, progress io.Writer) int {
	flags := flag.NewFlagSet("withcluster", flag.ContinueOnError)
	flags.SetOutput(progress)
	gateways := flags.Int("gateways", 2, "gateway processes")
	binary := flags.String("binary", "bin/parley", "parley program")
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		fmt.Fprintln(progress, "usage: withcluster [-gateways 2] [-binary bin/parley] -- command args…")
		return 2
	}
	dir, err := os.MkdirTemp("", "parley-cluster-")
	if err != nil {
		fmt.Fprintln(progress, "withcluster:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	c, err := cluster.Start(ctx, cluster.Options{
		Binary: *binary, Dir: dir, Gateways: *gateways,
		MySQL: os.Getenv("PARLEY_TEST_MYSQL_DSN"), AMQP: os.Getenv("PARLEY_TEST_AMQP_URL"),
	})
	if err != nil {
		fmt.Fprintln(progress, "withcluster:", err)
		return 1
	}
	defer c.Stop(context.WithoutCancel(ctx))
	code := command(ctx, c, flags.Args(), *gateways)
	if code != 0 {
		_ = c.Logs(progress, logBytes)
	}
	return code
}

func command(ctx context.Context, c *cluster.Cluster, args []string, gateways int) int {
	urls := make([]string, gateways)
	for seat := range urls {
		urls[seat] = c.GatewayURL(seat)
	}
	command := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // running it is the purpose
	command.Env = append(os.Environ(), "PARLEY_E2E_BASE_URLS="+strings.Join(urls, ","))
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := command.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "withcluster:", err)
		return 1
	}
	return 0
}
