// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// rabbitBin holds the programs themselves; those in the path switch to another user.
const rabbitBin = "/usr/lib/rabbitmq/bin/"

// ctlTimeout bounds one rabbitmqctl, which starts an Erlang of its own.
const ctlTimeout = 30 * time.Second

// erlangArgs keep the distribution on loopback, and idle schedulers from spinning on a small machine.
const erlangArgs = "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"

// RabbitMQOptions choose how a node runs.
type RabbitMQOptions struct {
	// Port to listen on; by default a free one. It names the node, so data of another port are not found.
	Port int
	// Config are more lines of rabbitmq.conf.
	Config string
}

// RabbitMQ is a node with the account guest.
type RabbitMQ struct {
	dir      string
	node     string
	amqpPort int
	epmdPort int
	distPort int
	proc     *process
	epmd     *process
}

// StartRabbitMQ starts a node, and the name server that it needs, in dir, which must exist. It returns
// when the node takes connections, after about six seconds.
func StartRabbitMQ(ctx context.Context, dir string, o RabbitMQOptions) (*RabbitMQ, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	r := &RabbitMQ{dir: dir, amqpPort: o.Port}
	for _, port := range []*int{&r.amqpPort, &r.epmdPort, &r.distPort} {
		if *port != 0 {
			continue
		}
		if *port, err = FreePort(ctx); err != nil {
			return nil, err
		}
	}
	r.node = fmt.Sprintf("parley%d@localhost", r.amqpPort)
	if err := r.configure(o); err != nil {
		return nil, err
	}
	if err := r.Restart(ctx); err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

func (r *RabbitMQ) configure(o RabbitMQOptions) error {
	config := fmt.Sprintf("listeners.tcp.1 = 127.0.0.1:%d\nlog.console = true\nlog.console.level = warning\nlog.file = false\n"+
		"disk_free_limit.absolute = 50MB\n%s\n", r.amqpPort, o.Config)
	if err := os.WriteFile(r.path("rabbitmq.conf"), []byte(config), 0o600); err != nil {
		return err
	}
	return os.WriteFile(r.path("enabled_plugins"), []byte("[]."), 0o600)
}

// URL is "amqp://guest:guest@127.0.0.1:<port>/".
func (r *RabbitMQ) URL() string { return fmt.Sprintf("amqp://guest:guest@%s/", r.Addr()) }

// Addr is "127.0.0.1:<port>", for proxies.
func (r *RabbitMQ) Addr() string { return "127.0.0.1:" + strconv.Itoa(r.amqpPort) }

// PIDs of the node and of its name server.
func (r *RabbitMQ) PIDs() []int { return []int{r.proc.cmd.Process.Pid, r.epmd.cmd.Process.Pid} }

// Kill is SIGKILL of the node; the data and the name server stay. It returns when the node is gone.
func (r *RabbitMQ) Kill() { r.proc.kill() }

// Stop shuts the node and its name server down, if they run.
func (r *RabbitMQ) Stop() {
	if r.proc != nil {
		r.proc.stop()
	}
	if r.epmd != nil {
		r.epmd.kill() // it holds nothing
	}
}

// Restart stops the node if it runs and starts it on the same port and data.
func (r *RabbitMQ) Restart(ctx context.Context) error {
	if r.proc != nil {
		r.proc.stop()
	}
	err := r.startNames(ctx)
	if err != nil {
		return err
	}
	if r.proc, err = start(ctx, r.log(), r.env(), rabbitBin+"rabbitmq-server"); err != nil {
		return err
	}
	return r.proc.ready(ctx, r.log(), r.ping)
}

// startNames starts the name server, if it does not run. It must listen before the node asks for it: a node
// that finds none starts one that nobody owns.
func (r *RabbitMQ) startNames(ctx context.Context) (err error) {
	if r.epmd != nil && !r.epmd.endedWithin(0) {
		return nil
	}
	log, port := r.path("epmd.log"), strconv.Itoa(r.epmdPort)
	if r.epmd, err = start(ctx, log, r.env(), "epmd", "-address", "127.0.0.1", "-port", port); err != nil {
		return err
	}
	return r.epmd.ready(ctx, log, func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:"+port)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// Wipe resets the running node: queues, exchanges and messages are gone, connections are cut.
func (r *RabbitMQ) Wipe(ctx context.Context) error {
	for _, command := range []string{"await_startup", "stop_app", "reset", "start_app"} {
		if err := r.ctl(ctx, command); err != nil {
			return err
		}
	}
	return r.proc.ready(ctx, r.log(), r.ping)
}

// Ctl runs rabbitmqctl on the node. A node takes connections a moment before it takes commands.
func (r *RabbitMQ) Ctl(ctx context.Context, args ...string) error {
	for _, command := range [][]string{{"await_startup"}, args} {
		if err := r.ctl(ctx, command...); err != nil {
			return err
		}
	}
	return nil
}

func (r *RabbitMQ) ctl(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, ctlTimeout)
	defer cancel()
	return run(ctx, r.env(), rabbitBin+"rabbitmqctl", args...)
}

func (r *RabbitMQ) path(name string) string { return filepath.Join(r.dir, name) }
func (r *RabbitMQ) log() string             { return r.path("rabbitmq.log") }

// env keeps the node, its cookie and its name server apart from all others.
func (r *RabbitMQ) env() []string {
	return append(os.Environ(),
		"HOME="+r.dir, "LANG=C.UTF-8", "LC_ALL=C.UTF-8",
		"ERL_EPMD_PORT="+strconv.Itoa(r.epmdPort), "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_NODENAME="+r.node, "RABBITMQ_DIST_PORT="+strconv.Itoa(r.distPort),
		"RUNNING_UNDER_SYSTEMD=1", // the script then becomes the node, instead of a parent that survives or outlives it
		"RABBITMQ_CONF_ENV_FILE=/dev/null", "RABBITMQ_CONFIG_FILE="+r.path("rabbitmq.conf"),
		"RABBITMQ_MNESIA_BASE="+r.path("mnesia"), "RABBITMQ_LOG_BASE="+r.path("log"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+r.path("enabled_plugins"),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+erlangArgs,
		"RABBITMQ_CTL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}",
		"ERL_CRASH_DUMP="+r.path("erl_crash.dump"),
	)
}

func (r *RabbitMQ) ping(context.Context) error {
	conn, err := amqp.DialConfig(r.URL(), amqp.Config{Dial: amqp.DefaultDial(time.Second)})
	if err != nil {
		return err
	}
	return conn.Close()
}
