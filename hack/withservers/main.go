// SPDX-License-Identifier: Apache-2.0

// Command withservers runs a command while private test servers are up.
//
// It starts MariaDB and RabbitMQ, Elasticsearch if PARLEY_TEST_ELASTICSEARCH_HOME says where it is, and an S3
// server if PARLEY_TEST_S3_PROGRAM does. It names them in PARLEY_TEST_MYSQL_DSN, PARLEY_TEST_AMQP_URL,
// PARLEY_TEST_ELASTICSEARCH_URL and PARLEY_TEST_S3_ENDPOINT (its keys in PARLEY_TEST_S3_ACCESS_KEY_ID and
// PARLEY_TEST_S3_SECRET_ACCESS_KEY), runs "withservers -- command args…", stops the servers and exits as the
// command did. A signal goes to the command; a second one ends it. The flags -mysql=false, -amqp=false,
// -elasticsearch=false and -s3=false leave a server out.
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
	s3 := flags.Bool("s3", os.Getenv(servers.S3ProgramVariable) != "", "start an S3 server")
	relaxed := flags.Bool("relaxed", false, "MariaDB without a flush at each commit")
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		fmt.Fprintln(progress, "usage: withservers [-mysql=false] [-amqp=false] [-elasticsearch=false] [-s3=false] [-relaxed] -- command args…")
		return 2
	}
	set := &started{progress: progress, relaxed: *relaxed}
	defer set.stop()
	var wanted []func(context.Context) error
	for _, server := range []struct {
		wanted bool
		start  func(context.Context) error
	}{{*mysql, set.startMariaDB}, {*amqp, set.startRabbitMQ}, {*elastic, set.startElasticsearch}, {*s3, set.startS3}} {
		if server.wanted {
			wanted = append(wanted, server.start)
		}
	}
	if err := set.start(ctx, wanted); err != nil {
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
	s3       *servers.S3
}

func (s *started) start(ctx context.Context, wanted []func(context.Context) error) (err error) {
	if s.dir, err = os.MkdirTemp("", "parley-servers-"); err != nil {
		return err
	}
	var wg sync.WaitGroup
	problems := make([]error, len(wanted))
	for i, start := range wanted {
		wg.Go(func() { problems[i] = start(ctx) })
	}
	wg.Wait()
	return errors.Join(problems...)
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

func (s *started) startS3(ctx context.Context) error {
	dir := s.dir + "/s3"
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		s.s3, err = servers.StartS3(ctx, dir, servers.S3Options{})
	}
	if err != nil {
		return fmt.Errorf("s3: %w", err)
	}
	fmt.Fprintln(s.progress, "withservers: S3 at", s.s3.Addr())
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
	if s.s3 != nil {
		env = append(env, "PARLEY_TEST_S3_ENDPOINT="+s.s3.URL(),
			"PARLEY_TEST_S3_ACCESS_KEY_ID="+servers.S3AccessKeyID, "PARLEY_TEST_S3_SECRET_ACCESS_KEY="+servers.S3SecretAccessKey)
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
	if s.s3 != nil {
		wg.Go(s.s3.Stop)
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
