// SPDX-License-Identifier: Apache-2.0

// Command withservers runs a command while private test servers are up.
//
// It starts MariaDB and RabbitMQ, and Elasticsearch if PARLEY_TEST_ELASTICSEARCH_HOME says where it is, names
// them in PARLEY_TEST_MYSQL_DSN, PARLEY_TEST_AMQP_URL and PARLEY_TEST_ELASTICSEARCH_URL, runs
// "withservers -- command args…", stops the servers and exits as the command did. A signal goes to the
// command; a second one ends it. The flags -mysql=false, -amqp=false and -elasticsearch=false leave a server out.
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
	"sync"
	"syscall"
	"time"

	"github.com/parley-chat/parley/test/integration/servers"
)

// commandGrace is how long a command may take to end after a signal.
const commandGrace = 30 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, progress io.Writer) int {
	flags := flag.NewFlagSet("withservers", flag.ContinueOnError)
	flags.SetOutput(progress)
	mysql := flags.Bool("mysql", true, "start MariaDB")
	amqp := flags.Bool("amqp", true, "start RabbitMQ")
	elastic := flags.Bool("elasticsearch", os.Getenv(servers.ElasticsearchHomeVariable) != "", "start Elasticsearch")
	relaxed := flags.Bool("relaxed", false, "MariaDB without a flush at each commit")
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		fmt.Fprintln(progress, "usage: withservers [-mysql=false] [-amqp=false] [-elasticsearch=false] [-relaxed] -- command args…")
		return 2
	}
	set := &started{progress: progress, relaxed: *relaxed}
	defer set.stop()
	if err := set.start(ctx, *mysql, *amqp, *elastic); err != nil {
		fmt.Fprintln(progress, "withservers:", err)
		return 1
	}
	return command(ctx, flags.Args(), set.env(), progress)
}

// started servers and the folder that they live in.
type started struct {
	progress io.Writer
	relaxed  bool
	dir      string
	mariadb  *servers.MariaDB
	rabbitmq *servers.RabbitMQ
	elastic  *servers.Elasticsearch
}

func (s *started) start(ctx context.Context, mysql, amqp, elastic bool) (err error) {
	if s.dir, err = os.MkdirTemp("", "parley-servers-"); err != nil {
		return err
	}
	var wg sync.WaitGroup
	var mysqlErr, amqpErr, elasticErr error
	if mysql {
		wg.Go(func() { mysqlErr = s.startMariaDB(ctx) })
	}
	if amqp {
		wg.Go(func() { amqpErr = s.startRabbitMQ(ctx) })
	}
	if elastic {
		wg.Go(func() { elasticErr = s.startElasticsearch(ctx) })
	}
	wg.Wait()
	return errors.Join(mysqlErr, amqpErr, elasticErr)
}

func (s *started) startMariaDB(ctx context.Context) error {
	dir := s.dir + "/mariadb"
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		s.mariadb, err = servers.StartMariaDB(ctx, dir, servers.MariaDBOptions{Relaxed: s.relaxed})
	}
	if err != nil {
		return fmt.Errorf("mariadb: %w", err)
	}
	fmt.Fprintln(s.progress, "withservers: MariaDB at", s.mariadb.Addr())
	return nil
}

func (s *started) startRabbitMQ(ctx context.Context) error {
	dir := s.dir + "/rabbitmq"
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		s.rabbitmq, err = servers.StartRabbitMQ(ctx, dir, servers.RabbitMQOptions{})
	}
	if err != nil {
		return fmt.Errorf("rabbitmq: %w", err)
	}
	fmt.Fprintln(s.progress, "withservers: RabbitMQ at", s.rabbitmq.Addr())
	return nil
}

func (s *started) startElasticsearch(ctx context.Context) error {
	dir := s.dir + "/elasticsearch"
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		s.elastic, err = servers.StartElasticsearch(ctx, dir, servers.ElasticsearchOptions{})
	}
	if err != nil {
		return fmt.Errorf("elasticsearch: %w", err)
	}
	fmt.Fprintln(s.progress, "withservers: Elasticsearch at", s.elastic.Addr())
	return nil
}

func (s *started) env() []string {
	env := os.Environ()
	if s.mariadb != nil {
		env = append(env, "PARLEY_TEST_MYSQL_DSN="+s.mariadb.DSN())
	}
	if s.rabbitmq != nil {
		env = append(env, "PARLEY_TEST_AMQP_URL="+s.rabbitmq.URL())
	}
	if s.elastic != nil {
		env = append(env, "PARLEY_TEST_ELASTICSEARCH_URL="+s.elastic.URL())
	}
	return env
}

func (s *started) stop() {
	var wg sync.WaitGroup
	if s.mariadb != nil {
		wg.Go(s.mariadb.Stop)
	}
	if s.rabbitmq != nil {
		wg.Go(s.rabbitmq.Stop)
	}
	if s.elastic != nil {
		wg.Go(s.elastic.Stop)
	}
	wg.Wait()
	if err := os.RemoveAll(s.dir); err != nil {
		fmt.Fprintln(s.progress, "withservers:", err)
	}
	fmt.Fprintln(s.progress, "withservers: servers stopped")
}

// command runs with our standard streams, and answers the exit code for ours.
func command(ctx context.Context, args, env []string, progress io.Writer) int {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // running a given command is the purpose
	cmd.Env = env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = commandGrace
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(progress, "withservers:", err)
		return 1
	}
	return 0
}
