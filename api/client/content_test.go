// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/api/client"
	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

func TestF19_AFileIsSentAndToldAsTheServerKnowsIt(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		for _, silent := range []bool{false, true} { // with the push, and without
			set(f, &f.silent, silent)
			if _, err := d.Enqueue("k", client.File("f5")); err != nil {
				t.Fatal(err)
			}
			pass(time.Minute)
		}
		check(t, "own messages", upTo(2), d.received("k"))
		for _, e := range heard[client.MessagesReceived](d) {
			for _, m := range e.Items {
				check(t, "name", "报告.pdf", client.FileOf(m).GetName())
			}
		}
		check(t, "done", 2, len(heard[client.SendDone](d)))
	})
}

func TestF55_TextsPassAFileThatWaits(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		d := join(t, f)
		away := true
		set(f, &f.onFrame, func(p *peer, frame *gatewayv1.ClientFrame) bool {
			if frame.GetSend().GetContent().GetFile() == nil || !get(f, &away) {
				return false
			}
			refuse(p, frame, &gatewayv1.Error{Reason: "FILES_UNAVAILABLE", Retry: gatewayv1.Retry_RETRY_SAME_ID, RetryAfterMs: 2000})
			return true
		})
		if _, err := d.Enqueue("k", client.File("f5")); err != nil {
			t.Fatal(err)
		}
		check(t, "behind it", int64(1), seqOf(t, d.send("k", "one")))
		pass(time.Minute)
		check(t, "while it waits long", int64(2), seqOf(t, d.send("k", "two")))
		set(f, &away, false)
		pass(2 * time.Minute)
		check(t, "stored", []string{"one", "two", ""}, f.bodies("k"))
	})
}

func TestContentOfEachKind(t *testing.T) {
	t.Parallel()
	check(t, "image", "上海", client.Image("f1", "上海").GetImage().GetAlt())
	check(t, "voice", int32(4200), client.Voice("f1", 4200, []byte{1}).GetVoice().GetDurationMs())
	file := &messagev1.FileInfo{FileId: "f1"}
	for name, m := range map[string]*messagev1.Message{
		"image": {Content: &messagev1.Message_Image{Image: &messagev1.Image{File: file}}},
		"voice": {Content: &messagev1.Message_Voice{Voice: &messagev1.Voice{File: file}}},
	} {
		check(t, name, "f1", client.FileOf(m).GetFileId())
	}
	check(t, "text", true, client.FileOf(&messagev1.Message{}) == nil)
}
