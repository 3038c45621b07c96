// SPDX-License-Identifier: Apache-2.0

package dev_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/services/dev"
)

// limit of every wait in these tests; a healthy start takes about a second.
const limit = 60 * time.Second

// output is a writer that a service and the test share.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// running is a `parley dev` inside the test.
type running struct {
	t      *testing.T
	urls   []string
	stdout *output
	log    *output
	cancel context.CancelFunc
	done   chan error
}

func start(t *testing.T, o dev.Options) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &running{t: t, stdout: &output{}, log: &output{}, cancel: cancel, done: make(chan error, 1)}
	ready := make(chan []string, 1)
	o.Stdout, o.Log, o.Ready = r.stdout, r.log, func(urls []string) { ready <- urls }
	go func() { r.done <- dev.Run(ctx, o) }()
	t.Cleanup(cancel)
	select {
	case r.urls = <-ready:
	case err := <-r.done:
		t.Fatalf("it ended: %v\n%s", err, r.log)
	case <-time.After(limit):
		t.Fatalf("it is not ready\n%s", r.log)
	}
	return r
}

// stop ends it as Ctrl-C does.
func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	select {
	case err := <-r.done:
		if err != nil {
			r.t.Errorf("it ended with %v", err)
		}
	case <-time.After(limit):
		r.t.Fatalf("it does not stop\n%s", r.log)
	}
}

// call posts JSON to a method and answers status and body.
func (r *running) call(gateway int, token, method string, request any) (int, map[string]any) {
	r.t.Helper()
	text, err := json.Marshal(request)
	if err != nil {
		r.t.Fatal(err)
	}
	post, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.urls[gateway]+method, bytes.NewReader(text))
	if err != nil {
		r.t.Fatal(err)
	}
	post.Header.Set("Content-Type", "application/json")
	if token != "" {
		post.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(post)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		r.t.Fatalf("%s answers %q: %v", method, body, err)
	}
	return response.StatusCode, answer
}

const (
	register = "/parley.user.v1.AuthService/Register"
	login    = "/parley.user.v1.AuthService/Login"
	getMe    = "/parley.user.v1.UserService/GetMe"
)

func account(name string) map[string]any {
	return map[string]any{
		"username": name, "nickname": name, "password": "correct horse battery", "device": map[string]any{"deviceId": uuid.NewString()},
	}
}

func manifest(gateways int, more ...string) []byte {
	return fmt.Appendf(nil, `
apiVersion: chat.parley.dev/v1alpha1
kind: ChatCluster
metadata: {name: demo}
spec:
  version: "0.1.0"
  profile: Development
  logLevel: warn
  services: {gateway: {replicas: %d}}
  dependencies:
    mysql: {secretRef: {name: demo-mysql}}
    rabbitmq: {secretRef: {name: demo-rabbitmq}}
%s`, gateways, strings.Join(more, "\n"))
}

func TestTwoGatewaysInOneProcess(t *testing.T) {
	t.Parallel()
	r := start(t, dev.Options{Manifest: manifest(2, "  image: {repository: example.com/parley}"), DataDir: t.TempDir()})
	want := "Ignored from the manifest, in one process: image, dependencies (embedded)\n" +
		"Parley is ready: " + r.urls[0] + " and " + r.urls[1] + "\n"
	got, invitation, _ := strings.Cut(r.stdout.String(), "There is no administrator yet.")
	if got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	_, link, found := strings.Cut(strings.TrimSpace(invitation), r.urls[0]+"/#/administrator/")
	if !found {
		t.Errorf("printed %q after it, want a link", invitation)
	}
	status, answer := r.call(0, "", register, account("li.wei"))
	if status != http.StatusOK {
		t.Fatalf("register answers %d %v", status, answer)
	}
	token, _ := answer["token"].(string)
	if status, answer := r.call(1, token, "/parley.user.v1.AdminService/ClaimAdministrator", map[string]string{"token": link}); status != http.StatusOK {
		t.Errorf("the link is worth nothing: %d %v", status, answer)
	}
	for gateway := range r.urls {
		if status, answer := r.call(gateway, token, getMe, struct{}{}); status != http.StatusOK {
			t.Errorf("gateway %d answers %d %v", gateway, status, answer)
		}
	}
	if status, _ := r.call(1, "parley_s1_nonsense", getMe, struct{}{}); status != http.StatusUnauthorized {
		t.Errorf("a wrong token is answered %d", status)
	}
	r.stop()
	if log := r.log.String(); strings.Contains(log, `"level":"ERROR"`) || strings.Contains(log, token) {
		t.Errorf("log: %s", log)
	}
}

func TestDataOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "data")
	r := start(t, dev.Options{DataDir: dir})
	who := account("ada")
	if status, answer := r.call(0, "", register, who); status != http.StatusOK {
		t.Fatalf("register answers %d %v", status, answer)
	}
	credentials := map[string]any{"username": who["username"], "password": who["password"], "device": who["device"]}
	status, answer := r.call(0, "", login, credentials)
	token, _ := answer["token"].(string)
	if status != http.StatusOK || token == "" {
		t.Fatalf("login answers %d %v", status, answer)
	}
	r.stop()
	again := start(t, dev.Options{DataDir: dir})
	if status, answer := again.call(0, token, getMe, struct{}{}); status != http.StatusOK {
		t.Errorf("the old token is answered %d %v", status, answer)
	}
	if status, answer := again.call(0, "", register, who); status != http.StatusConflict {
		t.Errorf("the same name is answered %d %v", status, answer)
	}
	again.stop()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", info.Mode(), err)
	}
}

// fails runs what must not start, and answers the message.
func fails(t *testing.T, o dev.Options) string {
	t.Helper()
	var stdout, log output
	o.Stdout, o.Log = &stdout, &log
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	err := dev.Run(ctx, o)
	if err == nil {
		t.Fatal("it ran")
	}
	if stdout.String() != "" || log.String() != "" || strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q %q %q", err, stdout.String(), log.String())
	}
	return err.Error()
}

func TestBadManifestsAreOneLine(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ text, want string }{
		"not YAML":         {"a: [", "demo.yaml: the manifest is not YAML: "},
		"another kind":     {"apiVersion: v1\nkind: Pod\n", `demo.yaml: kind: the manifest holds a "Pod", it must hold a ChatCluster of chat.parley.dev/v1alpha1`},
		"an unknown field": {string(manifest(1, "  colour: blue")), "demo.yaml: spec.colour: there is no such field"},
		"a wrong type":     {string(manifest(1, "  logLevels: 3")), "demo.yaml: spec.logLevels: there is no such field, did you mean logLevel?"},
		"a rule broken":    {string(manifest(201)), "demo.yaml: spec.services.gateway.replicas: choose a number from 1 to 200"},
		"two rules broken": {
			string(manifest(0, "  image: {digest: x}")),
			"demo.yaml: spec.image.digest: write sha256: and 64 hexadecimal digits; spec.services.gateway.replicas: choose a number from 1 to 200",
		},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		got := fails(t, dev.Options{Manifest: []byte(row.text), Name: "demo.yaml", DataDir: dir})
		if !strings.HasPrefix(got, row.want) {
			t.Errorf("%s: got %q", name, got)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: the data folder was made", name)
		}
	}
}

func TestABusyPortIsOneLine(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	got := fails(t, dev.Options{DataDir: t.TempDir(), Port: port})
	want := fmt.Sprintf("port %d is in use: stop the program that listens on it, or choose another with --port", port)
	if got != want {
		t.Errorf("got %q", got)
	}
	if got := fails(t, dev.Options{DataDir: t.TempDir(), Port: 65535, Manifest: manifest(2)}); got != "port 65535: choose one from 1 to 65534 with --port" {
		t.Errorf("got %q", got)
	}
	if got := fails(t, dev.Options{DataDir: t.TempDir(), Addr: "203.0.113.1"}); !strings.Contains(got, "--addr") {
		t.Errorf("got %q", got)
	}
}

func TestAFolderThatCannotBeUsedIsOneLine(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ dir, want string }{
		"a file":             {file, "is not a folder: choose another with --data"},
		"below a file":       {filepath.Join(file, "data"), "is not a folder: choose another with --data"},
		"one of the system":  {"/sys/parley", "cannot be written: change its permissions, or choose another folder with --data"},
		"one in a read-only": {readOnly(t), "--data"},
	} {
		if got := fails(t, dev.Options{DataDir: row.dir}); !strings.HasSuffix(got, row.want) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// readOnly is a folder that nobody can write, also for root.
func readOnly(t *testing.T) string {
	t.Helper()
	if os.Getuid() == 0 {
		return "/sys/kernel/parley"
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTwoProcessesDoNotShareAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := start(t, dev.Options{DataDir: dir})
	got := fails(t, dev.Options{DataDir: dir})
	if want := "the data folder " + dir + " is used by another parley: stop it, or choose another folder with --data"; got != want {
		t.Errorf("got %q", got)
	}
	r.stop()
	start(t, dev.Options{DataDir: dir}).stop()
}

func TestDamagedKeysAreOneLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, dev.Options{DataDir: dir}).stop()
	if err := os.WriteFile(filepath.Join(dir, "keys", "identity-user.private"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := fails(t, dev.Options{DataDir: dir})
	if !strings.Contains(got, "damaged") || !strings.Contains(got, "restore them, or remove that folder") {
		t.Errorf("got %q", got)
	}
}

func TestAClosedOutputEndsIt(t *testing.T) {
	t.Parallel()
	reader, writer := io.Pipe()
	_ = reader.Close()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	err := dev.Run(ctx, dev.Options{DataDir: t.TempDir(), Stdout: writer, Log: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "write to standard output") {
		t.Fatalf("got %v", err)
	}
}
