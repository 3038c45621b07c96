// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	speechv1 "github.com/parley-chat/parley/api/gen/parley/speech/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

const recognize = "parley.speech.v1.SpeechService/Recognize"

// listener is a server of transcriptions that hears the same words in everything.
func listener(t *testing.T, words string) (settings map[string]string, heard *atomic.Int64) {
	t.Helper()
	heard = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Contains(body, []byte("whisper-1")) || r.URL.Path != "/v1/audio/transcriptions" {
			t.Errorf("%s with %d bytes: %v", r.URL, len(body), err)
		}
		heard.Add(int64(len(body)))
		_, _ = io.WriteString(w, `{"text":"`+words+`","language":"english","segments":[{"start":0,"end":1,"confidence":0.75}]}`)
	}))
	t.Cleanup(server.Close)
	return map[string]string{"PARLEY_SPEECH_PROVIDER": "OpenAI", "PARLEY_SPEECH_URL": server.URL}, heard
}

// wave is a WAV of silence with so many seconds.
func wave(seconds int) []byte {
	header := "RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3E\x00\x00\x00\x7D\x00\x00\x02\x00\x10\x00data\xFF\xFF\xFF\xFF"
	return append([]byte(header), make([]byte, seconds*32000)...)
}

// A minute of sound is larger than other requests may be, also as JSON; it passes, and more does not.
func TestS1_ADictationThroughTheGateway(t *testing.T) {
	t.Parallel()
	settings, heard := listener(t, "good morning")
	sys := devtest.Start(t, devtest.Options{Speech: settings})
	anna := people.Register(t, sys.Public(0), "anna")
	dictate := func(audio []byte, f speechv1.AudioFormat) people.Answer {
		return anna.Try(t, recognize, &speechv1.RecognizeRequest{Format: f, Audio: audio})
	}
	wav := speechv1.AudioFormat_AUDIO_FORMAT_WAV
	var out speechv1.RecognizeResponse
	anna.Do(t, recognize, &speechv1.RecognizeRequest{Format: wav, Audio: wave(60)}, &out)
	if out.GetText() != "good morning" || out.GetLanguage() != "en" || out.GetConfidence() != 0.75 || heard.Load() < 60*32000 {
		t.Errorf("%v of %d bytes", &out, heard.Load())
	}
	for name, row := range map[string]struct {
		audio  []byte
		format speechv1.AudioFormat
		want   string
	}{
		"too long":       {wave(61), wav, "invalid_argument AUDIO_UNFIT"},
		"another format": {wave(1), speechv1.AudioFormat_AUDIO_FORMAT_MP3, "invalid_argument AUDIO_UNFIT"},
		"no format":      {wave(1), speechv1.AudioFormat_AUDIO_FORMAT_UNSPECIFIED, wrong},
		"no sound":       {nil, wav, wrong},
		"above 4 MiB":    {make([]byte, 4<<20+1), wav, wrong},
		"above 6 MiB":    {make([]byte, 5<<20), wav, "resource_exhausted TOO_LARGE"},
	} {
		if got := dictate(row.audio, row.format); got.String() != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
	if got := people.Call(t, sys.Public(0), recognize, people.JSON(noRecording())); !strings.HasPrefix(got.String(), "unauthenticated") {
		t.Errorf("without a token: %s", got)
	}
}

func TestF55_WithoutAProviderOfSpeechTheCallSaysSo(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{Speech: map[string]string{"PARLEY_SPEECH_PROVIDER": "OpenAI", "PARLEY_SPEECH_URL": "http://127.0.0.1:1"}})
	anna := people.Register(t, sys.Public(0), "anna")
	if got := anna.Try(t, recognize, &speechv1.RecognizeRequest{Format: speechv1.AudioFormat_AUDIO_FORMAT_WAV, Audio: wave(1)}); got.String() != "unavailable SPEECH_UNAVAILABLE" {
		t.Errorf("%s", got)
	}
}
