// SPDX-License-Identifier: Apache-2.0

package file_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/file/filetest"
	"github.com/parley-chat/parley/services/internal/ids"
)

func TestF21_AVoiceMessageIsReadAsItCame(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	ann, content := ids.NewUser(), aRecording(3)
	voice := f.Make(t, ann, file.Voice, content)
	got, err := f.ReadVoice(t.Context(), voice.ID)
	if err != nil || !bytes.Equal(got.Content, content) || got.ContentType != voice.ContentType {
		t.Errorf("%d bytes of %q, %v", len(got.Content), got.ContentType, err)
	}
	begun, err := f.Create(t.Context(), filetest.Announce(ann, file.Voice, aRecording(4)))
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		id   ids.FileID
		want error
	}{
		"a picture": {f.Make(t, ann, file.Image, aPicture(t, 9, 9)).ID, file.ErrUnfit}, "an upload": {begun.ID, file.ErrNotFound},
		"nothing": {ids.NewFile(), file.ErrNotFound},
	} {
		if _, err := f.ReadVoice(t.Context(), row.id); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
	f.Blobs.Fail = func(string) error { return errors.New("the disk is gone") }
	if _, err := f.ReadVoice(t.Context(), voice.ID); !errors.Is(err, file.ErrUnavailable) {
		t.Errorf("without the store: %v", err)
	}
}
