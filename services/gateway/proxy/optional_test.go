// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/gateway/proxy"
)

const recognize = "/parley.speech.v1.SpeechService/Recognize"

// Not every chat has somebody who reads speech.
func TestAServiceThatThisChatDoesNotHaveIsUnavailable(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"no address": "", "nobody there": "http://127.0.0.1:1"} {
		w := start(t, func(o *proxy.Options) { o.Upstreams[component.Speech] = address })
		got := w.do(t, http.MethodPost, recognize, "{}", "Authorization", "Bearer good")
		if got.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got.body, "SPEECH_UNAVAILABLE") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
		if got := w.do(t, http.MethodPost, recognize, "{}"); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s, without a token: %d %s", name, got.StatusCode, got.body)
		}
	}
}

func TestAFileServiceThatIsAwayIsNamed(t *testing.T) {
	t.Parallel()
	w := start(t, func(o *proxy.Options) { o.Upstreams[component.File] = "http://127.0.0.1:1" })
	got := w.do(t, http.MethodPost, "/parley.file.v1.FileService/CreateUpload", "{}", "Authorization", "Bearer good")
	if got.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got.body, "FILES_UNAVAILABLE") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

func TestARecordingMayBeLargerThanOtherRequests(t *testing.T) {
	t.Parallel()
	w := start(t)
	body := strings.Repeat(" ", 5<<20) + "{}"
	if got := w.do(t, http.MethodPost, recognize, body, "Authorization", "Bearer good"); !strings.Contains(got.body, "SPEECH_UNAVAILABLE") {
		t.Errorf("5 MiB: %d %s", got.StatusCode, got.body)
	}
	for path, body := range map[string]string{recognize: body + body, "/parley.user.v1.UserService/GetMe": body} {
		if got := w.do(t, http.MethodPost, path, body, "Authorization", "Bearer good"); !strings.Contains(got.body, "TOO_LARGE") {
			t.Errorf("%s with %d bytes: %d %s", path, len(body), got.StatusCode, got.body)
		}
	}
}
