// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// hearTime is half of what a stalled transfer is waited for.
const hearTime = 15 * time.Second

// aLine is a connection of its own, on which a test writes what it wants.
type aLine struct {
	net.Conn

	reader *bufio.Reader
}

// dial opens a line, on which all is heard in time or never.
func dial(t *testing.T, base string) aLine {
	t.Helper()
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(hearTime)); err != nil {
		t.Fatal(err)
	}
	return aLine{connection, bufio.NewReader(connection)}
}

// put sends the header of a PUT of size bytes and the first ones of them, and no more.
func (l aLine) put(t *testing.T, token, url string, size int, first []byte, headers ...string) {
	t.Helper()
	head := fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: chat\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n", url, token, size)
	for i := 0; i+1 < len(headers); i += 2 {
		head += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	if _, err := l.Write(append([]byte(head+"\r\n"), first...)); err != nil {
		t.Fatal(err)
	}
}

// hear reads one answer.
func (l aLine) hear(t *testing.T) (answer *http.Response, content []byte) {
	t.Helper()
	answer, err := http.ReadResponse(l.reader, &http.Request{Method: http.MethodPut})
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer answer.Body.Close()
	if content, err = io.ReadAll(answer.Body); err != nil {
		t.Fatalf("half an answer: %v", err)
	}
	return answer, content
}

// Whoever is refused hears it while half of the bytes are still to come.
func TestB3_ARefusalDoesNotWaitForTheBytes(t *testing.T) {
	t.Parallel()
	base := devtest.Start(t, devtest.Options{}).Public(0)
	ann, bob := people.Register(t, base, "ann"), people.Register(t, base, "bob")
	content := noise(1, 100_000)
	announce := func(p *people.Person) string {
		var created filev1.CreateUploadResponse
		p.Do(t, fileCalls+"CreateUpload", people.Announce(filev1.Purpose_PURPOSE_FILE, "a.bin", content), &created)
		return created.GetUrl()
	}
	mine, foreign := announce(ann), announce(bob)
	done := ann.Upload(t, filev1.Purpose_PURPOSE_FILE, "done.bin", noise(2, 1000))
	for name, row := range map[string]struct {
		token, url, offset string
		size               int
		want               string
	}{
		"at another offset":    {ann.Token, mine, "50000", 50_000, "aborted OFFSET_MISMATCH"},
		"a megabyte elsewhere": {ann.Token, mine, "7", 1 << 20, "aborted OFFSET_MISMATCH"},
		"too many":             {ann.Token, mine, "0", 100_001, "invalid_argument UPLOAD_TOO_LONG"},
		"far too many":         {ann.Token, mine, "0", 10 << 20, "invalid_argument UPLOAD_TOO_LONG"},
		"of somebody else":     {ann.Token, foreign, "0", 100_000, notFound},
		"for nothing":          {ann.Token, "/v1/files/" + people.NewID(), "0", 100_000, notFound},
		"at no number":         {ann.Token, mine, "many", 100_000, wrong},
		"by nobody":            {"nobody", mine, "0", 100_000, "unauthenticated SESSION_ENDED"},
		"of what is complete":  {ann.Token, "/v1/files/" + done.GetFileId(), "", 1000, "204"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var headers []string
			if row.offset != "" {
				headers = []string{"Upload-Offset", row.offset}
			}
			l := dial(t, base)
			l.put(t, row.token, row.url, row.size, content[:min(row.size, len(content))/2], headers...)
			answer, text := l.hear(t)
			if got := people.Refusal(answer.StatusCode, text); got.String() != row.want {
				t.Errorf("%s: %s, want %s", got, got.Body, row.want)
			}
			if !answer.Close {
				t.Errorf("the connection may be used again, where bytes would be taken for a request: %v", answer.Header)
			}
			// What was under way when the answer came is no request.
			_, _ = l.Write([]byte("GET /v1/files/x HTTP/1.1\r\nHost: chat\r\n\r\n"))
			_ = l.Conn.(*net.TCPConn).CloseWrite()
			if more, err := io.ReadAll(l.reader); len(more) > 0 {
				t.Errorf("behind the answer came %q, %v", more, err)
			}
		})
	}
}

// A whole part leaves the connection as it was, and so does one after which the next begins at once.
func TestPartsShareAConnection(t *testing.T) {
	t.Parallel()
	base := devtest.Start(t, devtest.Options{}).Public(0)
	ann := people.Register(t, base, "ann")
	content := noise(1, 300_000)
	var created filev1.CreateUploadResponse
	ann.Do(t, fileCalls+"CreateUpload", people.Announce(filev1.Purpose_PURPOSE_FILE, "a.bin", content), &created)
	l := dial(t, base)
	for at := 0; at < len(content); at += 100_000 {
		l.put(t, ann.Token, created.GetUrl(), 100_000, content[at:at+100_000], "Upload-Offset", fmt.Sprint(at))
		answer, text := l.hear(t)
		if answer.StatusCode != http.StatusNoContent || answer.Close || answer.Header.Get("Upload-Offset") != fmt.Sprint(at+100_000) {
			t.Fatalf("at %d: %d %s %v", at, answer.StatusCode, text, answer.Header)
		}
	}
	// A whole part that is refused does too.
	l.put(t, ann.Token, created.GetUrl(), 1000, content[:1000], "Upload-Offset", "0")
	if answer, text := l.hear(t); !bytes.Contains(text, []byte("OFFSET_MISMATCH")) {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

// Who asks before sending hears the refusal without a byte, and the answer is as every other.
func TestWhoAsksBeforeSendingIsAnswered(t *testing.T) {
	t.Parallel()
	base := devtest.Start(t, devtest.Options{}).Public(0)
	ann := people.Register(t, base, "ann")
	content := noise(1, 100_000)
	var created filev1.CreateUploadResponse
	ann.Do(t, fileCalls+"CreateUpload", people.Announce(filev1.Purpose_PURPOSE_FILE, "a.bin", content), &created)
	l := dial(t, base)
	l.put(t, "nobody", created.GetUrl(), len(content), nil, "Expect", "100-continue")
	if answer, _ := l.hear(t); answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("X-Request-Id") == "" {
		t.Errorf("a refusal: %d %v", answer.StatusCode, answer.Header)
	}
	l = dial(t, base)
	l.put(t, ann.Token, created.GetUrl(), len(content), nil, "Expect", "100-continue", "Upload-Offset", "0")
	if answer, _ := l.hear(t); answer.StatusCode != http.StatusContinue {
		t.Fatalf("the question: %d", answer.StatusCode)
	}
	if _, err := l.Write(content); err != nil {
		t.Fatal(err)
	}
	answer, text := l.hear(t)
	if answer.StatusCode != http.StatusNoContent {
		t.Errorf("the bytes: %d %s", answer.StatusCode, text)
	}
	for _, name := range []string{"X-Request-Id", "X-Content-Type-Options", "Strict-Transport-Security", "Content-Security-Policy"} {
		if answer.Header.Get(name) == "" {
			t.Errorf("the answer lacks %s: %v", name, answer.Header)
		}
	}
}
