// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/api/component"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/test/integration/cluster"
	"github.com/parley-chat/parley/test/integration/people"
)

const (
	benchTransfers = 50
	benchPeople    = 10                     // who share the transfers: each has a quota of a day, and may do few at once
	benchEvery     = 100 * time.Millisecond // between two looks at the heap
	benchPatience  = 10 * time.Minute       // of a transfer
)

// transfers is the load: many files at once, through the gateway to a file service on an object store.
type transfers struct {
	b       *testing.B
	base    string
	people  []*people.Person
	content []byte
	sum     [sha256.Size]byte
	client  *http.Client
	ids     [benchTransfers]string
}

// BenchmarkB3_FiftyTransfersAtOnce prints what 50 uploads, then 50 downloads at once take of the memory of one file
// service. PARLEY_TEST_UPLOAD_MIB is the size of each.
func BenchmarkB3_FiftyTransfersAtOnce(b *testing.B) {
	requireServers(b)
	_, settings := startObjectStore(b)
	binary, err := cluster.Binary(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	maps.Copy(settings, map[string]string{component.EnvLogLevel: "warn", "GOMEMLIMIT": "230MiB"}) // of a pod of 256 MiB
	c, err := cluster.Start(b.Context(), cluster.Options{
		Binary: binary, Dir: b.TempDir(), MySQL: os.Getenv("PARLEY_TEST_MYSQL_DSN"), AMQP: os.Getenv("PARLEY_TEST_AMQP_URL"), Environment: settings,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if b.Failed() {
			_ = c.Logs(b.Output(), 4096)
		}
		c.Stop(context.WithoutCancel(b.Context()))
	})
	l := &transfers{
		b: b, base: c.GatewayURL(0), content: noise(7, uploadBytes(b)),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchTransfers}},
	}
	l.sum = sha256.Sum256(l.content)
	for i := range benchPeople {
		l.people = append(l.people, people.Register(b, l.base, "bench"+strconv.Itoa(i)))
	}
	l.people[0].Upload(b, filev1.Purpose_PURPOSE_FILE, "first.bin", l.content[:1000]) // connections and code are there
	m := meter{b: b, pid: c.PID(string(component.File)), ops: c.OpsURL(string(component.File))}
	for b.Loop() {
		idle := m.reset()
		l.measure(m, idle, "uploads", l.upload)
		m.reset()
		l.measure(m, idle, "downloads", l.download)
	}
}

// measure runs all transfers at once and prints what they took beyond an idle process.
func (l *transfers) measure(m meter, idle footprint, name string, transfer func(ctx context.Context, i int) error) {
	ctx, stop := context.WithCancel(l.b.Context())
	peak := make(chan int64, 1)
	go func() { peak <- m.watch(ctx) }()
	group, transferCtx := errgroup.WithContext(l.b.Context())
	began := time.Now()
	for i := range benchTransfers {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(transferCtx, benchPatience)
			defer cancel()
			return transfer(ctx, i)
		})
	}
	err := group.Wait()
	took := time.Since(began)
	stop()
	heap := <-peak
	if err != nil {
		l.b.Fatal(name, err)
	}
	rss := m.status("VmHWM:")
	const mib = 1 << 20
	fmt.Fprintf(l.b.Output(), "%d %s of %d MiB in %.1f s, %.0f MiB/s; file service idle: %.1f MiB resident, %.1f MiB heap and stacks; at most above: %.1f MiB resident, %.1f MiB heap and stacks\n",
		benchTransfers, name, len(l.content)/mib, took.Seconds(), float64(benchTransfers*len(l.content))/mib/took.Seconds(),
		float64(idle.rss)/mib, float64(idle.heap)/mib, float64(rss-idle.rss)/mib, float64(heap-idle.heap)/mib)
	l.b.ReportMetric(float64(rss-idle.rss)/mib, name+"-resident-MiB")
	l.b.ReportMetric(float64(heap-idle.heap)/mib, name+"-heap-MiB")
}

func (l *transfers) person(i int) *people.Person { return l.people[i%benchPeople] }

// upload sends one file in two parts, of which the first ends anywhere.
func (l *transfers) upload(ctx context.Context, i int) error {
	var created filev1.CreateUploadResponse
	if err := l.call(ctx, i, "CreateUpload", people.Announce(filev1.Purpose_PURPOSE_FILE, fmt.Sprintf("%d.bin", i), l.content), &created); err != nil {
		return err
	}
	end := len(l.content)/2 + 1<<20 + i*1000
	for at := 0; at < len(l.content); {
		response, err := l.bytes(ctx, http.MethodPut, i, created.GetUrl(), l.content[at:end], "Upload-Offset", strconv.Itoa(at))
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if at, err = strconv.Atoi(response.Header.Get("Upload-Offset")); err != nil || response.StatusCode != http.StatusNoContent {
			return fmt.Errorf("a part: %s", response.Status)
		}
		end = len(l.content)
	}
	l.ids[i] = created.GetFileId()
	return l.call(ctx, i, "CompleteUpload", &filev1.CompleteUploadRequest{FileId: l.ids[i]}, &filev1.CompleteUploadResponse{})
}

func (l *transfers) download(ctx context.Context, i int) error {
	var got filev1.GetFileResponse
	if err := l.call(ctx, i, "GetFile", &filev1.GetFileRequest{FileId: l.ids[i]}, &got); err != nil {
		return err
	}
	response, err := l.bytes(ctx, http.MethodGet, i, got.GetFile().GetLink().GetUrl(), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, response.Body)
	if err != nil || !bytes.Equal(sum.Sum(nil), l.sum[:]) {
		return fmt.Errorf("download: %s, %d bytes: %w", response.Status, n, err)
	}
	return nil
}

// call asks until there is an answer: a check waits for others, and a call ends after its time.
func (l *transfers) call(ctx context.Context, i int, method string, in, out proto.Message) error {
	for {
		answer := l.person(i).Try(l.b, fileCalls+method, in)
		switch {
		case answer.Status == http.StatusOK:
			return (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(answer.Body, out)
		case ctx.Err() != nil || answer.Code != "deadline_exceeded" && answer.Code != "unavailable":
			return errors.Join(ctx.Err(), fmt.Errorf("%s: %s: %s", method, answer, answer.Body))
		}
	}
}

func (l *transfers) bytes(ctx context.Context, method string, i int, path string, body []byte, headers ...string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, l.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+l.person(i).Token)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return l.client.Do(request)
}

// footprint is memory of a process in bytes.
type footprint struct{ rss, heap int64 }

// meter reads the memory of a process.
type meter struct {
	b   *testing.B
	pid int
	ops string
}

// reset lets the kernel forget the peak, after a collection, and answers what is there now.
func (m meter) reset() footprint {
	m.b.Helper()
	if _, err := m.get(context.WithoutCancel(m.b.Context()), "/debug/pprof/heap?gc=1"); err != nil {
		m.b.Fatal(err)
	}
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", m.pid), []byte("5"), 0); err != nil {
		m.b.Fatal(err)
	}
	heap, err := m.heap(m.b.Context())
	if err != nil {
		m.b.Fatal(err)
	}
	return footprint{m.status("VmRSS:"), heap}
}

// watch answers the largest heap until ctx ends.
func (m meter) watch(ctx context.Context) (most int64) {
	tick := time.NewTicker(benchEvery)
	defer tick.Stop()
	for {
		if heap, err := m.heap(ctx); err == nil {
			most = max(most, heap)
		}
		select {
		case <-ctx.Done():
			return most
		case <-tick.C:
		}
	}
}

// heap in use and stacks.
func (m meter) heap(ctx context.Context) (int64, error) {
	text, err := m.get(ctx, component.MetricsPath)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for line := range bytes.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		if name == "go_memstats_heap_inuse_bytes" || name == "go_memstats_stack_inuse_bytes" {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return int64(sum), nil
}

func (m meter) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.ops+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// status is a line of /proc/<pid>/status, in bytes.
func (m meter) status(name string) int64 {
	m.b.Helper()
	text, err := os.Open(fmt.Sprintf("/proc/%d/status", m.pid))
	if err != nil {
		m.b.Fatal(err)
	}
	defer text.Close()
	for lines := bufio.NewScanner(text); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				m.b.Fatal(err)
			}
			return kib << 10
		}
	}
	m.b.Fatalf("no line %s", name)
	return 0
}
