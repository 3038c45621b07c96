// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
	eventv1 "github.com/parley-chat/parley/api/gen/parley/event/v1"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/api/gen/parley/file/v1/filev1connect"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/api/gen/parley/message/v1/messagev1connect"
	"github.com/parley-chat/parley/services/internal/broker"
	"github.com/parley-chat/parley/services/internal/broker/amqpbroker"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/speech/events"
	"github.com/parley-chat/parley/services/speech/server"
	"github.com/parley-chat/parley/services/speech/speechtest"
)

// asProcess makes this program the speech service, so that a test can kill one.
const asProcess = "PARLEY_TEST_SPEECH_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(asProcess) == "" {
		os.Exit(m.Run())
	}
	environ := map[string]string{}
	for _, entry := range os.Environ() {
		key, value, _ := strings.Cut(entry, "=")
		environ[key] = value
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := server.Load(environ)
	if err == nil {
		err = server.Run(ctx, cfg, server.Parts{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // the process ends with its signals
	}
}

const (
	// eventTimeout bounds the wait for what has to happen.
	eventTimeout = 60 * time.Second
	// atOnce is how many voice messages a process reads at once.
	atOnce = 2
)

// recordings stands for the file service and the message service, for many voice messages.
type recordings struct {
	filev1connect.UnimplementedFileServiceHandler
	messagev1connect.UnimplementedMessageServiceHandler

	audio []byte
	set   chan *messagev1.SetTranscriptRequest

	mu    sync.Mutex // guards reads
	reads map[string]int
}

var errGone = fault.New(fault.NotFound, "NOT_FOUND", "there is no such voice message")

func (x *recordings) ReadVoice(_ context.Context, r *filev1.ReadVoiceRequest) (*filev1.ReadVoiceResponse, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, known := x.reads[r.GetFileId()]; !known {
		return nil, errGone // of an earlier run, whose end came before the acknowledgement
	}
	x.reads[r.GetFileId()]++
	return &filev1.ReadVoiceResponse{ContentType: "audio/wav", Content: x.audio}, nil
}

func (x *recordings) SetTranscript(_ context.Context, r *messagev1.SetTranscriptRequest) (*messagev1.SetTranscriptResponse, error) {
	x.set <- r
	return &messagev1.SetTranscriptResponse{}, nil
}

func (x *recordings) add() (file string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	file = ids.NewFile().String()
	x.reads[file] = 0
	return file
}

// listener is a provider that hears, and answers nobody until it is let.
type listener struct {
	heard chan string // the language of each process that asks
	let   chan struct{}
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	language := r.FormValue("language")
	_, _ = io.Copy(io.Discard, r.Body)
	l.heard <- language
	select {
	case <-l.let:
		_, _ = io.WriteString(w, `{"text":"see you at ten","language":"en"}`)
	case <-r.Context().Done():
	}
}

func await[T any](t *testing.T, from <-chan T, what string) (got T) {
	t.Helper()
	select {
	case got = <-from:
	case <-time.After(eventTimeout):
		t.Fatalf("%s did not come", what)
	}
	return got
}

// room is what processes of the speech service share in a test.
type room struct {
	bus      *amqpbroker.Broker
	voices   *recordings
	provider *listener
	talk     string
	settings []string
}

func openRoom(t *testing.T) *room {
	t.Helper()
	address := os.Getenv("PARLEY_TEST_AMQP_URL")
	if address == "" {
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
			t.Fatal("needs RabbitMQ in PARLEY_TEST_AMQP_URL")
		}
		t.Skip("needs RabbitMQ in PARLEY_TEST_AMQP_URL; make test starts one")
	}
	bus, err := amqpbroker.Open(amqpbroker.Options{URL: secret.New(address), Name: "speech-test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	folder := t.TempDir()
	if err := identity.WriteKeys(folder); err != nil {
		t.Fatal(err)
	}
	keys := map[component.Name]identity.Keys{}
	for _, name := range component.All() {
		if keys[name], err = identity.LoadKeys(folder, name); err != nil {
			t.Fatal(err)
		}
	}
	r := &room{
		bus: bus, talk: ids.NewConversation().String(), provider: &listener{heard: make(chan string, 100), let: make(chan struct{})},
		voices: &recordings{audio: speechtest.Sound(time.Second).WAV(), set: make(chan *messagev1.SetTranscriptRequest, 100), reads: map[string]int{}},
	}
	provider := httptest.NewServer(r.provider)
	t.Cleanup(provider.Close)
	o := newOthers(t, keys, r.voices)
	r.settings = []string{
		asProcess + "=1", "PARLEY_RABBITMQ_URL=" + address, "PARLEY_KEYS_DIR=" + folder,
		"PARLEY_RPC_LISTEN=127.0.0.1:0", "PARLEY_OPS_LISTEN=127.0.0.1:0", fmt.Sprintf("PARLEY_SPEECH_CONCURRENCY=%d", atOnce),
		"PARLEY_SPEECH_PROVIDER=OpenAI", "PARLEY_SPEECH_URL=" + provider.URL, "PARLEY_UPSTREAM_FILE_URL=" + o.file, "PARLEY_UPSTREAM_MESSAGE_URL=" + o.message,
	}
	return r
}

// run starts a process, which tells the provider its language.
func (r *room) run(t *testing.T, language string) *exec.Cmd {
	t.Helper()
	process := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	process.Env = append(os.Environ(), append(r.settings, "PARLEY_SPEECH_LANGUAGE="+language)...)
	process.Stderr, process.Stdout = t.Output(), t.Output()
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill() // it may have ended
		_ = process.Wait()
	})
	return process
}

// say publishes a voice message.
func (r *room) say(t *testing.T, seq int64) (file string) {
	t.Helper()
	file = r.voices.add()
	publish(t, r.bus, wanted(t, &eventv1.SpeechRequested{ConversationId: r.talk, Seq: seq, Attempt: 1, FileId: file, DurationMs: 1000}))
	return file
}

// transcripts awaits so many and counts them by message.
func (r *room) transcripts(t *testing.T, n int) map[int64]int {
	t.Helper()
	got := map[int64]int{}
	for range n {
		set := await(t, r.voices.set, "a transcript")
		if set.GetConversationId() != r.talk || set.GetTranscript().GetText() != "see you at ten" {
			t.Errorf("transcript %v", set)
		}
		got[set.GetSeq()]++
	}
	return got
}

// A process that is killed gives back what it read, and no voice message gets two texts. It never holds more than it
// reads, and what nobody can read does not hold up the rest.
func TestF21_AKilledConsumerGivesItsVoiceMessagesBackOverRabbitMQ(t *testing.T) {
	t.Parallel()
	r := openRoom(t)
	const said = 5
	first := r.run(t, "en")
	var files []string
	for seq := range int64(said) {
		files = append(files, r.say(t, seq+1))
	}
	hear := func(n int, want string) {
		t.Helper()
		for range n {
			if got := await(t, r.provider.heard, "a voice message"); got != want {
				t.Fatalf("%s reads more than %d at once", got, atOnce)
			}
		}
	}
	hear(atOnce, "en")
	second := r.run(t, "fr")
	hear(atOnce, "fr") // the first has left them in the queue
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // killed
	close(r.provider.let)
	for seq, n := range r.transcripts(t, said) {
		if n != 1 || seq < 1 || seq > said {
			t.Errorf("voice message %d got %d texts", seq, n)
		}
	}

	parked := make(chan []byte, 10)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- r.bus.Subscribe(ctx, broker.Subscription{Queue: events.Queue + broker.DeadSuffix}, func(_ context.Context, d *broker.Delivery) {
			parked <- d.Body
			d.Ack()
		})
	}()
	poison := "poison \xff " + r.talk
	publish(t, r.bus, broker.Message{Exchange: broker.EventsExchange, RoutingKey: "speech.requested", Body: []byte(poison), Persistent: true})
	for string(await(t, parked, "the parked event")) != poison { // of an earlier test
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	files = append(files, r.say(t, said+1))
	if got := r.transcripts(t, 1); got[said+1] != 1 {
		t.Errorf("after the poison %v are read", got)
	}

	if err := second.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := second.Wait(); err != nil {
		t.Errorf("the second process: %v", err)
	}
	if n := len(r.voices.set); n > 0 {
		t.Errorf("%d texts more", n)
	}
	again := 0
	r.voices.mu.Lock()
	defer r.voices.mu.Unlock()
	for i, file := range files {
		switch n := r.voices.reads[file]; {
		case n == 2:
			again++
		case n != 1:
			t.Errorf("voice message %d was read %d times", i+1, n)
		}
	}
	if again != atOnce {
		t.Errorf("%d voice messages were read again, want the %d of the process that was killed", again, atOnce)
	}
}
