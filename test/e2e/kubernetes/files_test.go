// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/test/integration/people"
	"github.com/parley-chat/parley/test/integration/servers"
)

const (
	filesSecret  = "talk-files"
	filesBucket  = "talk-files"
	createUpload = "parley.file.v1.FileService/CreateUpload"
)

// TestFilesComeAndGo: a store of files that is bound by Secret takes what people bring. While it is stopped the
// status says so, people write on, and files are unavailable; when it is back, what was brought before is whole.
// Nothing is restarted by hand.
func TestFilesComeAndGo(t *testing.T) {
	c := install(t, "e2e-files")
	store := c.storeFiles(t)
	gateways, err := c.seatURLs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	anna, bo := people.Register(t, gateways[0], "anna"), people.Register(t, gateways[1], "bo")
	talk := people.Befriend(t, anna, bo)
	say := func(text string) { anna.Do(t, sendCall, people.Text(talk, text), &messagev1.SendResponse{}) }
	content := bytes.Repeat([]byte("a line of a file\n"), 1000)
	if got := anna.Try(t, createUpload, announce(content)); got.Reason != "FILES_UNAVAILABLE" {
		t.Errorf("without a store: %s", got)
	}
	err = errors.Join(
		c.patch(t.Context(), map[string]any{"dependencies": map[string]any{"objectStore": objectStore()}}),
		c.ready(t.Context()), c.agrees(t.Context(), current),
		c.reason(t.Context(), chatv1alpha1.ConditionDependenciesReady, chatv1alpha1.ReasonReachable),
	)
	if err != nil {
		t.Fatal(err)
	}
	file := bring(t, anna, gateways[0], content)
	store.Stop()
	if err := c.reason(t.Context(), chatv1alpha1.ConditionDependenciesReady, "ObjectStoreUnreachable"); err != nil {
		t.Error(err)
	}
	if err := c.reason(t.Context(), chatv1alpha1.ConditionAvailable, chatv1alpha1.ReasonDegraded); err != nil {
		t.Error(err)
	}
	if page, err := c.parley(t.Context(), "status", chatName); err != nil || !strings.Contains(page, "objectstore") {
		t.Errorf("kubectl parley status does not name objectstore: %v\n%s", err, page)
	}
	say("the store of files is stopped")
	err = errors.Join(store.Restart(t.Context()), c.ready(t.Context()),
		c.reason(t.Context(), chatv1alpha1.ConditionDependenciesReady, chatv1alpha1.ReasonReachable))
	if err != nil {
		t.Error(err)
	}
	got := &filev1.GetFileResponse{}
	anna.Do(t, "parley.file.v1.FileService/GetFile", &filev1.GetFileRequest{FileId: file}, got)
	if body := transfer(t, anna, http.MethodGet, gateways[0]+got.GetFile().GetLink().GetUrl(), nil); !bytes.Equal(body, content) {
		t.Errorf("%d bytes came back, want %d", len(body), len(content))
	}
}

// storeFiles starts a store of files and makes its Secret.
func (c *chat) storeFiles(t *testing.T) *servers.S3 {
	t.Helper()
	port, err := servers.FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	store, err := servers.StartS3(t.Context(), t.TempDir(), servers.S3Options{Port: port, Host: storeAddress})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Stop)
	_, err = store.MakeBucket(filesBucket)
	err = errors.Join(err, c.secret(t.Context(), filesSecret, map[string]string{
		"uri": fmt.Sprintf("http://%s:%d", storeAddress, port), "bucket": filesBucket,
		"access-key-id": servers.S3AccessKeyID, "secret-access-key": servers.S3SecretAccessKey,
	}))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// objectStore is the dependency of that Secret.
func objectStore() map[string]any {
	return map[string]any{"secretRef": map[string]any{"name": filesSecret}, "tls": "Disabled"}
}

func announce(content []byte) *filev1.CreateUploadRequest {
	sum := sha256.Sum256(content)
	return &filev1.CreateUploadRequest{
		Purpose: filev1.Purpose_PURPOSE_FILE, Name: "lines.txt", Size: int64(len(content)), Sha256: sum[:], IdempotencyKey: people.NewID(),
	}
}

// bring uploads a file and answers its id.
func bring(t *testing.T, p *people.Person, gateway string, content []byte) string {
	t.Helper()
	created := &filev1.CreateUploadResponse{}
	p.Do(t, createUpload, announce(content), created)
	transfer(t, p, http.MethodPut, gateway+created.GetUrl(), content)
	done := &filev1.CompleteUploadResponse{}
	p.Do(t, "parley.file.v1.FileService/CompleteUpload", &filev1.CompleteUploadRequest{FileId: created.GetFileId()}, done)
	return done.GetFile().GetFileId()
}

func transfer(t *testing.T, p *people.Person, method, url string, content []byte) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, url, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil || response.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s answers %s, %v: %s", method, response.Status, err, body)
	}
	return body
}
