// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	stdmaps "maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/dev"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// marked lists the blocks of docs/api.md below a mark of this name.
func marked(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)<!-- test:"+name+" -->\n```[a-z]*\n(.*?)\n```").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) == 0 {
		t.Fatalf("docs/api.md has no block of %s", name)
	}
	return blocks
}

func TestTheCurlSamplesOfTheAPIGuideWork(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("curl is missing; run hack/debian.sh")
	}
	for name, start := range map[string]func(t *testing.T) (base string){
		"links below the chat":          func(t *testing.T) string { return devtest.Start(t, devtest.Options{}).Public(0) },
		"an origin of files, make demo": demo,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			followTheGuide(t, start(t))
		})
	}
}

// demo runs what `make demo` runs.
func demo(t *testing.T) (base string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan []string, 1), make(chan error, 1)
	options := dev.Options{DataDir: t.TempDir(), Stdout: io.Discard, Log: io.Discard, Ready: func(urls []string) { ready <- urls }}
	go func() { ended <- dev.Run(ctx, options) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil { // Run bounds its own end
			t.Errorf("it ended with %v", err)
		}
	})
	select {
	case urls := <-ready:
		return urls[0]
	case err := <-ended:
		ended <- nil
		t.Fatalf("it ended: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("it is not ready")
	}
	return ""
}

func followTheGuide(t *testing.T, base string) {
	t.Helper()
	all := append(marked(t, "curl"), "echo refused:", marked(t, "refused")[0])
	script := strings.Replace(strings.Join(all, "\n"), "http://localhost:8080", base, 1)
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	command.Dir = t.TempDir()
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	out, refused, _ := strings.Cut(string(output), "refused:")
	for _, want := range []string{`"token":"parley_s1_`, `"state":"REQUEST_STATE_ACCEPTED"`, `"body":"在吗？"`, `"readSeq":"1"`, `"name":"会议记录.txt"`, "the same bytes", `"offset":"7"`, `"name":"agenda.txt"`, "Tuesday", "Minutes of Monday"} {
		if !strings.Contains(strings.ReplaceAll(out, `": "`, `":"`), want) {
			t.Errorf("no %s in the output:\n%s", want, out)
		}
	}
	if strings.Contains(out, `"code"`) {
		t.Errorf("a call was refused:\n%s", out)
	}
	if !strings.Contains(refused, `"code":"not_found"`) || !strings.Contains(refused, `"reason":"NOT_FOUND"`) {
		t.Errorf("the refusal is %s", refused)
	}
}

// The Go samples stand in an example, which the compiler and a test of its package see.
func TestTheGoSamplesOfTheAPIGuideWork(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile(filepath.Join("..", "..", "api", "client", "examplefiles_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range marked(t, "go") {
		if !strings.Contains(string(example), "\t"+strings.ReplaceAll(block, "\n", "\n\t")) {
			t.Errorf("not in the example:\n%s", block)
		}
	}
}

func TestTheTraceOfTheAPIGuideIsTrue(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Gateways: 2})
	base := sys.Public(0)
	anna, bob, former := people.Register(t, base, "anna"), people.Register(t, base, "bob"), people.Register(t, base, "former")
	k0 := people.Befriend(t, anna, former)
	former.Do(t, "parley.friend.v1.FriendService/RemoveFriend", &friendv1.RemoveFriendRequest{UserId: anna.ID}, &friendv1.RemoveFriendResponse{})
	k9 := people.Befriend(t, anna, bob)
	for range 2 {
		bob.Do(t, "parley.message.v1.MessageService/Send", people.Text(k9, "earlier"), &messagev1.SendResponse{})
	}
	r := &replay{t: t, base: base, bound: map[string]string{
		"token": anna.Token, "device": anna.Device, "anna": anna.ID, "bob": bob.ID, "k9": k9, "k0": k0,
	}, tokens: map[string]string{"C": anna.Token, "B": bob.Token}}
	r.move = func() {
		sys.Drain(0)
		r.base = sys.Public(1)
	}
	for line := range strings.SplitSeq(marked(t, "trace")[0], "\n") {
		if line != "" && !strings.HasPrefix(line, "--") {
			r.play(line)
		}
	}
	if r.played < 40 {
		t.Errorf("%d lines were played", r.played)
	}
}

// replay plays the lines of a trace.
type replay struct {
	t      *testing.T
	base   string
	bound  map[string]string // words in angle brackets
	tokens map[string]string
	move   func() // takes away the gateway of the socket
	socket *gws.Conn
	first  *gws.Conn // while another one is open beside it
	events *socketEvents
	early  []any // frames that were not expected yet
	answer people.Answer
	played int
}

func (r *replay) play(line string) {
	r.t.Helper()
	r.played++
	line = r.inline(line)
	who, rest, _ := strings.Cut(line, " ")
	verb, argument, _ := strings.Cut(rest, " ")
	switch {
	case verb == "POST":
		method, body, _ := strings.Cut(argument, " ")
		r.answer = people.Call(r.t, r.base, strings.TrimPrefix(method, "/"), r.fill(body), people.Bearer(r.tokens[who])...)
		if r.answer.Status != http.StatusOK {
			r.t.Fatalf("%s\nanswers %s", line, r.answer.Body)
		}
	case who == "S" && verb == "200":
		if !r.matches(parse(r.t, argument), parse(r.t, string(r.answer.Body))) {
			r.t.Fatalf("%s\nis not %s", line, r.answer.Body)
		}
	case verb == "open":
		path, protocol, _ := strings.Cut(argument, " ")
		r.open(path, protocol)
	case verb == "lost":
		_ = r.socket.NetConn().Close()
		r.socket, r.early = nil, nil
	case rest == "close first 1000":
		r.first.WriteClose(1000, nil)
	case verb == "close":
		r.awaitClose(argument)
	case who == "S":
		if strings.Contains(rest, `"reconnect"`) {
			r.move()
		}
		r.await(rest)
	default:
		if err := r.socket.WriteMessage(gws.OpcodeText, r.fill(rest)); err != nil {
			r.t.Fatalf("%s: %v", line, err)
		}
	}
}

var word = regexp.MustCompile(`"<([^"<>]+)>"`)

// fill puts values for words; a word that is new gets a fresh id.
func (r *replay) fill(text string) []byte {
	return word.ReplaceAllFunc([]byte(text), func(found []byte) []byte {
		name := string(bytes.Trim(found, `"<>`))
		if r.bound[name] == "" {
			r.bound[name] = people.NewID()
		}
		return fmt.Appendf(nil, "%q", r.bound[name])
	})
}

var mention = regexp.MustCompile(`<@<([^"<>]+)>>`)

// inline puts values for the words in mentions, which stand inside a text.
func (r *replay) inline(text string) string {
	return mention.ReplaceAllStringFunc(text, func(found string) string {
		return "<@" + r.bound[strings.Trim(found, "<@>")] + ">"
	})
}

func parse(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

// matches tells whether got holds all that want says; if so, it binds words that are new.
func (r *replay) matches(want, got any) bool {
	before := stdmaps.Clone(r.bound)
	if r.holds(want, got) {
		return true
	}
	r.bound = before
	return false
}

func (r *replay) holds(want, got any) bool {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		for key, value := range w {
			ok = ok && r.holds(value, g[key])
		}
		return ok
	case []any:
		g, ok := got.([]any)
		if len(w) > 0 && w[len(w)-1] == "…" { // and perhaps others
			w = w[:len(w)-1]
			g = g[:min(len(g), len(w))]
		}
		ok = ok && len(g) == len(w)
		for i := range w {
			ok = ok && r.holds(w[i], g[i])
		}
		return ok
	case string:
		g, ok := got.(string)
		name, isWord := strings.CutPrefix(strings.TrimSuffix(w, ">"), "<")
		if !ok || !isWord {
			return ok && g == w
		}
		if r.bound[name] == "" && g != "" {
			r.bound[name] = g
		}
		return r.bound[name] == g
	default:
		return reflect.DeepEqual(want, got)
	}
}

// socketEvents carries what a socket hears.
type socketEvents struct {
	gws.BuiltinEventHandler
	frames chan string
	closed chan error
}

func (e *socketEvents) OnMessage(_ *gws.Conn, m *gws.Message) {
	e.frames <- m.Data.String()
	_ = m.Close()
}

func (e *socketEvents) OnClose(_ *gws.Conn, err error) { e.closed <- err }

func (r *replay) open(path, protocol string) {
	r.t.Helper()
	r.first = r.socket
	r.events = &socketEvents{frames: make(chan string, 100), closed: make(chan error, 1)}
	conn, err := new(net.Dialer).DialContext(r.t.Context(), "tcp", strings.TrimPrefix(r.base, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	socket, _, err := gws.NewClientFromConn(r.events, &gws.ClientOption{
		Addr: strings.Replace(r.base, "http", "ws", 1) + path, RequestHeader: http.Header{"Sec-Websocket-Protocol": {protocol}},
	}, conn)
	if err != nil {
		r.t.Fatal(err)
	}
	r.socket = socket
	r.t.Cleanup(func() { _ = conn.Close() })
	go socket.ReadLoop()
}

// tracePatience bounds the wait for one frame.
const tracePatience = 20 * time.Second

// await waits for a frame that holds what a line says; others stay for later lines.
func (r *replay) await(text string) {
	r.t.Helper()
	want := parse(r.t, text)
	for i, frame := range r.early {
		if r.matches(want, frame) {
			r.early = append(r.early[:i], r.early[i+1:]...)
			return
		}
	}
	deadline := time.After(tracePatience)
	for {
		select {
		case frame := <-r.events.frames:
			got := parse(r.t, frame)
			if r.matches(want, got) {
				return
			}
			r.early = append(r.early, got)
		case err := <-r.events.closed:
			r.t.Fatalf("closed with %v before %s", err, text)
		case <-deadline:
			r.t.Fatalf("no frame %s; instead %v", text, r.early)
		}
	}
}

func (r *replay) awaitClose(want string) {
	r.t.Helper()
	select {
	case err := <-r.events.closed:
		closed, ok := err.(*gws.CloseError) //nolint:errorlint // the library gives it as it is
		if !ok || fmt.Sprintf("%d %s", closed.Code, closed.Reason) != want {
			r.t.Errorf("closed with %v, want %s", err, want)
		}
	case <-time.After(tracePatience):
		r.t.Errorf("not closed with %s", want)
	}
}
