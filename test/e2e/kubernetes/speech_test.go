// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/parley-chat/parley/api/component"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/test/integration/people"
)

const (
	messages      = "parley.message.v1.MessageService/"
	withoutSpeech = "parley-chat/parley"
)

// TestSpeechReadsWhatBrowsersRecord: with an image that lacks the programs the status and the doctor say so, and a
// voice message waits. With the image of speech, which is the default, it gets its text, and so does the next one in
// another format; devices learn it as a change.
func TestSpeechReadsWhatBrowsersRecord(t *testing.T) {
	c := install(t, "e2e-speech")
	c.storeFiles(t)
	for _, command := range [][]string{
		{filepath.Join(c.root, "hack", "images.sh"), version, "parley-speech"},
		{c.cluster(), "load", filepath.Join(c.root, ".cache", "images", "parley-speech.tar")},
	} {
		if _, err := c.run(t.Context(), command[0], command[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	gateways, err := c.seatURLs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	anna, bo := people.Register(t, gateways[0], "anna"), people.Register(t, gateways[1], "bo")
	talk := people.Befriend(t, anna, bo)
	err = errors.Join(
		c.patch(t.Context(), map[string]any{
			"dependencies": map[string]any{"objectStore": objectStore(), "speech": map[string]any{"provider": "PocketSphinx"}},
			"services":     map[string]any{"speech": map[string]any{"image": map[string]any{"repository": withoutSpeech}}},
		}),
		c.reason(t.Context(), chatv1alpha1.ConditionDependenciesReady, "SpeechProgramMissing"),
		c.reason(t.Context(), chatv1alpha1.ConditionAvailable, chatv1alpha1.ReasonDegraded),
	)
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.parley(t.Context(), "status", chatName)
	t.Logf("while the image lacks the programs:\n%s", page)
	if err != nil || !strings.Contains(page, "services.speech.image") {
		t.Errorf("kubectl parley status does not lead to the field: %v\n%s", err, page)
	}
	if said, err := c.parley(t.Context(), "doctor", chatName); err == nil || !strings.Contains(said+err.Error(), "pocketsphinx-en-us") {
		t.Errorf("kubectl parley doctor does not name the program: %v\n%s", err, said)
	}
	speak(t, anna, talk, "a.webm", "-c:a", "libopus")
	err = errors.Join(
		c.patch(t.Context(), map[string]any{"services": map[string]any{"speech": nil}}),
		c.reason(t.Context(), chatv1alpha1.ConditionDependenciesReady, chatv1alpha1.ReasonReachable),
		c.ready(t.Context()), c.understands(t, bo, talk, 1),
	)
	if err != nil {
		t.Fatal(err)
	}
	speak(t, anna, talk, "b.m4a", "-c:a", "aac")
	if err := c.understands(t, bo, talk, 2); err != nil {
		t.Error(err)
	}
	if said, err := c.parley(t.Context(), "doctor", chatName); err != nil || !strings.Contains(said, "PocketSphinx answers") {
		t.Errorf("kubectl parley doctor: %v\n%s", err, said)
	}
	c.speechIsUnharmed(t)
}

// speak sends a voice message of a machine's voice, in the format of a browser.
func speak(t *testing.T, p *people.Person, talk, name string, format ...string) {
	t.Helper()
	dir := t.TempDir()
	spoken, recorded := filepath.Join(dir, "spoken.wav"), filepath.Join(dir, name)
	for _, command := range [][]string{
		{"flite", "-voice", "slt", "-t", "hello world", "-o", spoken},
		append(append([]string{"ffmpeg", "-loglevel", "error", "-i", spoken}, format...), recorded),
	} {
		if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", command[0], err, out)
		}
	}
	content, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	file := p.Upload(t, filev1.Purpose_PURPOSE_VOICE, name, content)
	message := people.Text(talk, "")
	message.Content = &messagev1.Content{Kind: &messagev1.Content_Voice{Voice: &messagev1.VoiceContent{FileId: file.GetFileId(), DurationMs: 1000}}}
	p.Do(t, sendCall, message, &messagev1.SendResponse{})
}

// understands waits until a message's text is there, in the history and among the changes.
func (c *chat) understands(t *testing.T, p *people.Person, talk string, seq int64) error {
	heard := func(list []*messagev1.Message) string {
		for _, m := range list {
			if m.GetSeq() == seq {
				return m.GetVoice().GetTranscript().GetText()
			}
		}
		return ""
	}
	return until(t.Context(), func(context.Context) error {
		history, changes := &messagev1.ListMessagesResponse{}, &messagev1.ListChangesResponse{}
		p.Do(t, messages+"ListMessages", &messagev1.ListMessagesRequest{ConversationId: talk, Limit: 10}, history)
		p.Do(t, messages+"ListChanges", &messagev1.ListChangesRequest{ConversationId: talk}, changes)
		if heard(history.GetItems()) != "hello world" || heard(changes.GetItems()) != "hello world" {
			return fmt.Errorf("message %d has no text: %v", seq, history.GetItems())
		}
		return nil
	})
}

// speechIsUnharmed: the pod runs the image of speech within its bounds, and never ended.
func (c *chat) speechIsUnharmed(t *testing.T) {
	t.Helper()
	pods, err := c.pods(t.Context(), string(component.Speech))
	if err != nil {
		t.Fatal(err)
	}
	for i := range pods {
		container, state := pods[i].Spec.Containers[0], corev1.ContainerStatus{}
		if len(pods[i].Status.ContainerStatuses) > 0 {
			state = pods[i].Status.ContainerStatuses[0]
		}
		if container.Image != "parley-chat/parley-speech:"+version || state.RestartCount != 0 || !*container.SecurityContext.ReadOnlyRootFilesystem {
			t.Errorf("%s runs %s, restarted %d times", pods[i].Name, container.Image, state.RestartCount)
		}
	}
}
