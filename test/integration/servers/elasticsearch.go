// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ElasticsearchHomeVariable names the folder of the distribution; hack/elasticsearch.sh prints it.
const ElasticsearchHomeVariable = "PARLEY_TEST_ELASTICSEARCH_HOME"

// A breaker that looks at the whole heap counts what the serial collector has not collected yet, and refuses
// requests of a node that has room.
const elasticsearchMemory = "indices.breaker.total.use_real_memory: false\n"

// elasticsearchPing bounds one question whether the node is up.
const elasticsearchPing = 2 * time.Second

// Settings of the virtual machine: a small heap, and a quick start rather than speed later. A temporary
// folder that holds the program's own folder is refused, so the node gets one of its own.
const elasticsearchJVM = "-Xms512m\n-Xmx512m\n-XX:+UseSerialGC\n-XX:-AlwaysPreTouch\n-XX:TieredStopAtLevel=1\n" +
	"-Djava.io.tmpdir=${ES_TMPDIR}\n"

// ElasticsearchOptions choose how a node runs.
type ElasticsearchOptions struct {
	// Port to listen on; by default a free one.
	Port int
	// Host is one more address to listen on, beside 127.0.0.1.
	Host string
	// Config are more lines of elasticsearch.yml.
	Config string
}

// Elasticsearch is a single node without accounts.
type Elasticsearch struct {
	home, dir string
	port      int
	proc      *process
}

// StartElasticsearch starts a node of the distribution that ElasticsearchHomeVariable names, with its data in
// dir, which must exist. It returns when the node answers, after about fifteen seconds.
func StartElasticsearch(ctx context.Context, dir string, o ElasticsearchOptions) (*Elasticsearch, error) {
	home := os.Getenv(ElasticsearchHomeVariable)
	if home == "" {
		return nil, fmt.Errorf("%s names no folder: set it to what hack/elasticsearch.sh prints", ElasticsearchHomeVariable)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	e := &Elasticsearch{home: home, dir: dir, port: o.Port}
	if e.port == 0 {
		if e.port, err = FreePort(ctx); err != nil {
			return nil, err
		}
	}
	if err := e.configure(ctx, o); err != nil {
		return nil, err
	}
	if err := e.Restart(ctx); err != nil {
		e.Stop()
		return nil, err
	}
	return e, nil
}

func (e *Elasticsearch) configure(ctx context.Context, o ElasticsearchOptions) error {
	transport, err := FreePort(ctx)
	if err != nil {
		return err
	}
	for _, folder := range []string{"config", "data", "logs", "tmp"} {
		if err := os.MkdirAll(e.path(folder), 0o700); err != nil {
			return err
		}
	}
	logging, err := os.ReadFile(filepath.Join(e.home, "config", "log4j2.properties"))
	if err != nil {
		return err
	}
	hosts := `["127.0.0.1"]`
	if o.Host != "" {
		hosts = fmt.Sprintf(`["127.0.0.1", %q]`, o.Host)
	}
	config := fmt.Sprintf("cluster.name: parley-test\ndiscovery.type: single-node\nnetwork.host: 127.0.0.1\nhttp.host: %s\nhttp.port: %d\n"+
		"transport.port: %d\npath.data: %s\npath.logs: %s\nxpack.security.enabled: false\n"+
		"cluster.routing.allocation.disk.threshold_enabled: false\nsearch.allow_expensive_queries: false\n"+
		"action.destructive_requires_name: true\n"+elasticsearchMemory+"%s\n", hosts, e.port, transport, e.path("data"), e.path("logs"), o.Config)
	for name, text := range map[string]string{
		"log4j2.properties": string(logging), "jvm.options": elasticsearchJVM, "elasticsearch.yml": config,
	} {
		if err := os.WriteFile(e.path("config", name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// URL is "http://127.0.0.1:<port>".
func (e *Elasticsearch) URL() string { return "http://" + e.Addr() }

// Addr is "127.0.0.1:<port>", for proxies.
func (e *Elasticsearch) Addr() string { return "127.0.0.1:" + strconv.Itoa(e.port) }

// Kill is SIGKILL; the data stay. It returns when the node is gone.
func (e *Elasticsearch) Kill() { e.proc.kill() }

// Stop shuts the node down, if it runs.
func (e *Elasticsearch) Stop() {
	if e.proc != nil {
		e.proc.stop()
	}
}

// Restart stops the node if it runs and starts it on the same port and data.
func (e *Elasticsearch) Restart(ctx context.Context) error {
	e.Stop()
	java, err := javaHome()
	if err != nil {
		return err
	}
	env := append(os.Environ(), "ES_PATH_CONF="+e.path("config"), "ES_TMPDIR="+e.path("tmp"), "ES_JAVA_HOME="+java, "HOME="+e.dir)
	command := []string{filepath.Join(e.home, "bin", "elasticsearch")}
	if os.Geteuid() == 0 {
		// It refuses to run as root; in a user namespace root has another number.
		command = append([]string{"unshare", "--user", "--map-user=1000", "--map-group=1000"}, command...)
	}
	if e.proc, err = start(ctx, e.log(), env, command[0], command[1:]...); err != nil {
		return err
	}
	return e.proc.ready(ctx, e.log(), e.ping)
}

func (e *Elasticsearch) path(parts ...string) string {
	return filepath.Join(append([]string{e.dir}, parts...)...)
}

func (e *Elasticsearch) log() string { return e.path("elasticsearch.log") }

// ping asks whether the node takes writes.
func (e *Elasticsearch) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, elasticsearchPing)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL()+"/_cluster/health?wait_for_status=yellow&timeout=1s", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10)) // only for the error
		return fmt.Errorf("%s: %s", answer.Status, strings.TrimSpace(string(text)))
	}
	return nil
}

// javaHome is the folder that ES_JAVA_HOME names, or of the Java in the path.
func javaHome() (string, error) {
	if home := os.Getenv("ES_JAVA_HOME"); home != "" {
		return home, nil
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("java is missing, install a JRE of version 17 or newer, for Elasticsearch 9 of 21 or newer: %w", err)
	}
	if java, err = filepath.EvalSymlinks(java); err != nil {
		return "", err
	}
	return filepath.Dir(filepath.Dir(java)), nil
}
