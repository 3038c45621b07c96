// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/parley-chat/parley/api/component"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
	"github.com/parley-chat/parley/test/integration/servers"
)

const (
	filesUnavailable = "unavailable FILES_UNAVAILABLE"
	// refusalTimeout is how soon an upload is refused that cannot be stored.
	refusalTimeout = 20 * time.Second
	// storeStep is what the file service stores at once; what came of less may have to come again.
	storeStep = 5 << 20
)

// startObjectStore starts an S3 server that the test may break, and answers the settings of who uses it.
func startObjectStore(t testing.TB) (*servers.S3, map[string]string) {
	t.Helper()
	if os.Getenv(servers.S3ProgramVariable) == "" {
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
			t.Fatal("an S3 server is required; run: make test-go")
		}
		t.Skip("needs an S3 server; run: make test-go")
	}
	s, err := servers.StartS3(t.Context(), t.TempDir(), servers.S3Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	if _, err := s.MakeBucket("chat"); err != nil {
		t.Fatal(err)
	}
	return s, map[string]string{
		component.EnvS3Endpoint: s.URL(), component.EnvS3Bucket: "chat", component.EnvS3Region: servers.S3Region, component.EnvS3TLS: "Disabled",
		component.EnvS3AccessKeyID: servers.S3AccessKeyID, component.EnvS3SecretAccessKey: servers.S3SecretAccessKey,
	}
}

// uploadBytes is how much the upload of a test brings.
func uploadBytes(t testing.TB) int {
	t.Helper()
	text := os.Getenv("PARLEY_TEST_UPLOAD_MIB")
	if text == "" {
		return 20 << 20
	}
	mib, err := strconv.Atoi(text)
	if err != nil || mib < 20 || mib > 100 {
		t.Fatalf("PARLEY_TEST_UPLOAD_MIB=%s: want 20 to 100", text)
	}
	return mib << 20
}

// noise is content that no compression makes shorter.
func noise(seed byte, size int) []byte {
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(content) // never fails
	return content
}

// upload of one content through the gateway.
type upload struct {
	t       *testing.T
	by      *people.Person
	base    string
	url, id string
	content []byte
}

func (u upload) offset() int {
	u.t.Helper()
	status, header, _ := u.by.Bytes(u.t, http.MethodHead, u.url, nil)
	offset, err := strconv.Atoi(header.Get("Upload-Offset"))
	if status != http.StatusNoContent || err != nil {
		u.t.Fatalf("how far it is: %d, %v", status, header)
	}
	return offset
}

// awaitOffset waits until the server has stored so much.
func (u upload) awaitOffset(want int) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for u.offset() < want {
		select {
		case <-ctx.Done():
			u.t.Fatalf("%d bytes are stored, want %d", u.offset(), want)
		case <-tick.C:
		}
	}
}

// open begins to send the content from its start. The sender writes it as it wants; answer waits for what the server
// says.
func (u upload) open() (sender *io.PipeWriter, answer func() people.Answer) {
	u.t.Helper()
	body, sender := io.Pipe()
	ctx, cancel := context.WithTimeout(u.t.Context(), refusalTimeout)
	context.AfterFunc(ctx, func() { _ = sender.CloseWithError(context.Cause(ctx)) }) // the transport waits for the body
	u.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, u.base+u.url, body)
	if err != nil {
		u.t.Fatal(err)
	}
	request.ContentLength = int64(len(u.content))
	request.Header.Set("Authorization", "Bearer "+u.by.Token)
	request.Header.Set("Upload-Offset", "0")
	ended := make(chan func() people.Answer, 1)
	go func() {
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			ended <- func() people.Answer { u.t.Helper(); u.t.Fatal(err); return people.Answer{} }
			return
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		ended <- func() people.Answer {
			u.t.Helper()
			if err != nil {
				u.t.Error(err)
			}
			return people.Refusal(response.StatusCode, text)
		}
	}()
	return sender, func() people.Answer { u.t.Helper(); return (<-ended)() }
}

// An object store that goes away in the middle of an upload takes nothing of it: the upload goes on where it was.
// Meanwhile files are said to be unavailable, and texts go on.
func TestB3_AnUploadGoesOnWhenTheObjectStoreIsBack(t *testing.T) {
	t.Parallel()
	store, settings := startObjectStore(t)
	base := devtest.Start(t, devtest.Options{Files: settings}).Public(0)
	ann, bob := people.Register(t, base, "ann"), people.Register(t, base, "bob")
	conversation := people.Befriend(t, ann, bob)
	before := ann.Upload(t, filev1.Purpose_PURPOSE_FILE, "before.bin", noise(1, 1<<20))

	content := noise(2, uploadBytes(t))
	announced := people.Announce(filev1.Purpose_PURPOSE_FILE, "large.bin", content)
	var created filev1.CreateUploadResponse
	ann.Do(t, fileCalls+"CreateUpload", announced, &created)
	u := upload{t: t, by: ann, base: base, url: created.GetUrl(), id: created.GetFileId(), content: content}
	half := len(content) / 2 / storeStep * storeStep
	sender, answer := u.open()
	if _, err := sender.Write(content[:half+1000]); err != nil {
		t.Fatal(err)
	}
	u.awaitOffset(half)
	store.Kill()
	go func() { _, _ = sender.Write(content[half+1000:]) }() // as far as somebody reads it
	if got := answer(); got.String() != filesUnavailable {
		t.Errorf("the part that cannot be stored: %s: %s", got, got.Body)
	}
	if got := u.offset(); got != half {
		t.Errorf("%d bytes are there, want %d", got, half)
	}
	checkAway(t, u, before, conversation)

	if err := store.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "204", func() people.Answer {
		at := u.offset()
		status, _, body := ann.Bytes(t, http.MethodPut, u.url, content[at:], "Upload-Offset", strconv.Itoa(at))
		return people.Refusal(status, body)
	})
	var completed filev1.CompleteUploadResponse
	ann.Do(t, fileCalls+"CompleteUpload", &filev1.CompleteUploadRequest{FileId: u.id}, &completed)
	checkContent(t, ann, u.id, content)
	ann.Do(t, send, attached(conversation, u.id), &messagev1.SendResponse{})
	checkContent(t, bob, u.id, content)
	checkContent(t, ann, before.GetFileId(), noise(1, 1<<20))
	ann.Upload(t, filev1.Purpose_PURPOSE_FILE, "after.bin", noise(3, 1000))
}

// checkAway looks at what people see while the object store is away.
func checkAway(t *testing.T, u upload, before *filev1.File, conversation string) {
	t.Helper()
	for i := range 3 {
		if got := u.by.Try(t, send, people.Text(conversation, "text "+strconv.Itoa(i))); got.String() != ok {
			t.Errorf("a text meanwhile: %s: %s", got, got.Body)
		}
	}
	at := u.offset()
	for name, ask := range map[string]func() people.Answer{
		"a new upload": func() people.Answer {
			return u.by.Try(t, fileCalls+"CreateUpload", people.Announce(filev1.Purpose_PURPOSE_FILE, "new.txt", []byte("new")))
		},
		"the rest": func() people.Answer {
			status, _, body := u.by.Bytes(t, http.MethodPut, u.url, u.content[at:at+1000], "Upload-Offset", strconv.Itoa(at))
			return people.Refusal(status, body)
		},
		"half of the rest, from a client that waits": func() people.Answer {
			l := dial(t, u.base)
			l.put(t, u.by.Token, u.url, 1000, u.content[at:at+500], "Upload-Offset", strconv.Itoa(at))
			answer, body := l.hear(t)
			return people.Refusal(answer.StatusCode, body)
		},
		"a download": func() people.Answer {
			var got filev1.GetFileResponse
			u.by.Do(t, fileCalls+"GetFile", &filev1.GetFileRequest{FileId: before.GetFileId()}, &got)
			status, _, body := u.by.Bytes(t, http.MethodGet, got.GetFile().GetLink().GetUrl(), nil)
			return people.Refusal(status, body)
		},
	} {
		if got := ask(); got.String() != filesUnavailable {
			t.Errorf("%s meanwhile: %s: %.300s", name, got, got.Body)
		}
	}
}

// checkContent reads a file as a person does.
func checkContent(t *testing.T, p *people.Person, file string, want []byte) {
	t.Helper()
	var got filev1.GetFileResponse
	p.Do(t, fileCalls+"GetFile", &filev1.GetFileRequest{FileId: file}, &got)
	sum := sha256.Sum256(want)
	if !bytes.Equal(got.GetFile().GetSha256(), sum[:]) || got.GetFile().GetSize() != int64(len(want)) {
		t.Errorf("file %v", got.GetFile())
	}
	status, _, content := p.Bytes(t, http.MethodGet, got.GetFile().GetLink().GetUrl(), nil)
	if status != http.StatusOK || !bytes.Equal(content, want) {
		t.Errorf("%s reads %d bytes with status %d", p.Username, len(content), status)
	}
}
