// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"testing"

	"github.com/parley-chat/parley/api/component"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// atStore sends a request to the object store itself, without any token.
func atStore(t *testing.T, method, address string, headers map[string]string, content []byte) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, got
}

// Where people reach the object store, their files go and come past Parley, and links are given to whoever sees the
// message, as ever.
func TestF18_PicturesPassParleyAndAreSeenByWhoSeesTheMessage(t *testing.T) {
	t.Parallel()
	store, settings := startObjectStore(t)
	settings = maps.Clone(settings)
	settings[component.EnvS3PublicEndpoint] = store.URL()
	base := devtest.Start(t, devtest.Options{Files: settings}).Public(0)
	ann, bob, eve := people.Register(t, base, "ann"), people.Register(t, base, "bob"), people.Register(t, base, "eve")
	conversation := people.Befriend(t, ann, bob)

	content := aPicture(t, 900, 600)
	var created filev1.CreateUploadResponse
	ann.Do(t, fileCalls+"CreateUpload", people.Announce(filev1.Purpose_PURPOSE_IMAGE, "sea.png", content), &created)
	put := created.GetPresigned()
	if status, text := atStore(t, put.GetMethod(), put.GetUrl(), put.GetHeaders(), content); status != http.StatusOK {
		t.Fatalf("to the store: %d %s", status, text)
	}
	ann.Do(t, fileCalls+"CompleteUpload", &filev1.CompleteUploadRequest{FileId: created.GetFileId()}, &filev1.CompleteUploadResponse{})
	wish := &filev1.GetFileRequest{FileId: created.GetFileId()}
	for _, person := range []*people.Person{bob, eve} {
		if got := person.Try(t, fileCalls+"GetFile", wish); got.String() != notFound {
			t.Errorf("before it is shown: %s", got)
		}
	}
	var sent messagev1.SendResponse
	ann.Do(t, send, picture(conversation, created.GetFileId(), "the sea"), &sent)
	var seen filev1.GetFileResponse
	bob.Do(t, fileCalls+"GetFile", wish, &seen)
	links := []*filev1.Link{seen.GetFile().GetLink()}
	for _, thumbnail := range seen.GetFile().GetThumbnails() {
		links = append(links, thumbnail.GetLink())
	}
	for i, link := range links {
		status, got := atStore(t, http.MethodGet, link.GetUrl(), nil, nil)
		if !link.GetPresigned() || status != http.StatusOK || i == 0 && !bytes.Equal(got, content) {
			t.Errorf("link %d, %v: %d, %d bytes", i, link, status, len(got))
		}
	}
	if len(links) != 3 {
		t.Errorf("%d links, want three", len(links))
	}
	wish.ThroughParley = true
	bob.Do(t, fileCalls+"GetFile", wish, &seen)
	if status, _, got := bob.Bytes(t, http.MethodGet, seen.GetFile().GetLink().GetUrl(), nil); status != http.StatusOK || !bytes.Equal(got, content) {
		t.Errorf("through Parley: %d, %d bytes", status, len(got))
	}
	if got := eve.Try(t, fileCalls+"GetFile", wish); got.String() != notFound {
		t.Errorf("who does not see the message: %s", got)
	}
}
