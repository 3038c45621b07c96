// SPDX-License-Identifier: Apache-2.0

package faults_test

import (
	"bytes"
	"image"
	"image/png"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/component"
	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/test/integration/people"
	"github.com/parley-chat/parley/test/integration/servers"
)

const (
	fileCalls = "parley.file.v1.FileService/"
	// storeStep is what the file service stores at once.
	storeStep = 5 << 20
)

// startBucket starts an S3 server of its own, and answers the folder in which it keeps a bucket, an object per file,
// and the settings of who uses that.
func startBucket(t *testing.T) (folder string, settings map[string]string) {
	t.Helper()
	if os.Getenv(servers.S3ProgramVariable) == "" {
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
			t.Fatal("an S3 server is required; run: make test-go")
		}
		t.Skip("needs an S3 server; run: make test-go")
	}
	server, err := servers.StartS3(t.Context(), t.TempDir(), servers.S3Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	if folder, err = server.MakeBucket("chat"); err != nil {
		t.Fatal(err)
	}
	return folder, map[string]string{
		component.EnvS3Endpoint: server.URL(), component.EnvS3Bucket: "chat", component.EnvS3Region: servers.S3Region, component.EnvS3TLS: "Disabled",
		component.EnvS3AccessKeyID: servers.S3AccessKeyID, component.EnvS3SecretAccessKey: servers.S3SecretAccessKey,
	}
}

// TestF2_B3_TheFileServiceDiesAtTheWorstMoments follows a file from its first byte to the message that shows it. The
// process that does the next step dies after the store has done it and before the database knows: the same call again
// goes on, nothing is lost, and nothing is left that no row knows.
func TestF2_B3_TheFileServiceDiesAtTheWorstMoments(t *testing.T) { // not parallel: it takes the machine for itself
	requireServers(t)
	bucket, settings := startBucket(t)
	s := startSystemWith(t, 1, settings, "failpoints")
	gateway := s.GatewayURL(0)
	ann, bob := people.Register(t, gateway, "ann"), people.Register(t, gateway, "bob")
	conversation := people.Befriend(t, ann, bob)
	content := make([]byte, 2*storeStep+1000)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content) // never fails

	report := s.dieUploading(t, ann, people.Announce(filev1.Purpose_PURPOSE_FILE, "report.bin", content), content)
	s.dieCompleting(t, ann, "after-seal", report)
	drawn := drawing(t)
	picture := ann.Draft(t, people.Announce(filev1.Purpose_PURPOSE_IMAGE, "a.png", drawn), drawn)
	if file := s.dieCompleting(t, ann, "after-thumbnails", picture); len(file.GetThumbnails()) != 2 {
		t.Errorf("picture %v", file)
	}
	for i, point := range []string{"after-cite", "after-commit"} {
		s.dieShowing(t, point, ann, bob, &messagev1.SendRequest{
			ConversationId: conversation, ClientMessageId: people.NewID(),
			Content: &messagev1.Content{Kind: &messagev1.Content_File{File: &messagev1.FileContent{FileId: report}}},
		}, int64(i)+1)
	}
	got := read(t, bob, report).GetLink().GetUrl()
	if status, _, body := bob.Bytes(t, http.MethodGet, got, nil); status != http.StatusOK || !bytes.Equal(body, content) {
		t.Errorf("the other side reads %d bytes with status %d", len(body), status)
	}
	for _, thumbnail := range read(t, ann, picture).GetThumbnails() {
		if status, _, body := ann.Bytes(t, http.MethodGet, thumbnail.GetLink().GetUrl(), nil); status != http.StatusOK || len(body) == 0 {
			t.Errorf("thumbnail %v: %d bytes with status %d", thumbnail, len(body), status)
		}
	}
	if held := objects(t, bucket); len(held) != 4 {
		t.Errorf("the store holds %v; want a file, a picture and two smaller ones", held)
	}
}

// objects lists the whole ones.
func objects(t *testing.T, bucket string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(bucket, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), "."): // parts of uploads
			return filepath.SkipDir
		case !entry.IsDir():
			names = append(names, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// dieUploading sends bytes until the file service has died with the first step and with the second; then the rest.
func (s *system) dieUploading(t *testing.T, by *people.Person, announced *filev1.CreateUploadRequest, content []byte) string {
	t.Helper()
	var created filev1.CreateUploadResponse
	by.Do(t, fileCalls+"CreateUpload", announced, &created)
	put := func(from, to int) int {
		t.Helper()
		status, _, _ := by.Bytes(t, http.MethodPut, created.GetUrl(), content[from:to], "Upload-Offset", strconv.Itoa(from))
		return status
	}
	offset := func() int {
		t.Helper()
		status, header, _ := by.Bytes(t, http.MethodHead, created.GetUrl(), nil)
		n, err := strconv.Atoi(header.Get("Upload-Offset"))
		if status != http.StatusNoContent || err != nil {
			t.Fatalf("how far it is: %d, %v", status, header)
		}
		return n
	}
	for _, noted := range []int{0, storeStep} {
		if noted > 0 && put(0, noted) != http.StatusNoContent {
			t.Fatal("the first step was refused")
		}
		s.dieAtWith(t, "file", "after-bytes", func() {
			if status := put(noted, len(content)); status < http.StatusInternalServerError {
				t.Errorf("answered with %d by a service that died", status)
			}
		})
		if got := offset(); got != noted {
			t.Fatalf("%d bytes are noted, want %d", got, noted)
		}
	}
	if status := put(storeStep, len(content)); status != http.StatusNoContent {
		t.Fatalf("the rest: %d", status)
	}
	return created.GetFileId()
}

// dieCompleting completes an upload twice: the service dies at a point of the first time.
func (s *system) dieCompleting(t *testing.T, by *people.Person, point, file string) *filev1.File {
	t.Helper()
	request := &filev1.CompleteUploadRequest{FileId: file}
	s.dieAtWith(t, "file", point, func() {
		if got := by.Try(t, fileCalls+"CompleteUpload", request); got.Status == http.StatusOK {
			t.Errorf("completed by a service that died at %s", point)
		}
	})
	if got := by.Try(t, fileCalls+"GetFile", &filev1.GetFileRequest{FileId: file}); got.Status != http.StatusNotFound {
		t.Errorf("before it is complete: %s", got)
	}
	var completed filev1.CompleteUploadResponse
	by.Do(t, fileCalls+"CompleteUpload", request, &completed)
	return completed.GetFile()
}

// dieShowing sends a message with a file twice: the message service dies at a point of the first time.
func (s *system) dieShowing(t *testing.T, point string, from, to *people.Person, request *messagev1.SendRequest, want int64) {
	t.Helper()
	s.dieAtWith(t, "message", point, func() {
		if got := from.Try(t, sendMethod, request); got.Status == http.StatusOK {
			t.Errorf("acknowledged by a service that died at %s", point)
		}
	})
	var out messagev1.SendResponse
	from.Do(t, sendMethod, request, &out)
	var page messagev1.ListMessagesResponse
	to.Do(t, historyMethod, &messagev1.ListMessagesRequest{ConversationId: request.GetConversationId()}, &page)
	if out.GetSent().GetSeq() != want || int64(len(page.GetItems())) != want {
		t.Errorf("%s: seq %d of %d messages, want %d", point, out.GetSent().GetSeq(), len(page.GetItems()), want)
	}
	if got := from.Try(t, fileCalls+"DeleteFile", &filev1.DeleteFileRequest{FileId: request.GetContent().GetFile().GetFileId()}); got.Reason != "FILE_IN_USE" {
		t.Errorf("%s: the shown file is deleted: %s", point, got)
	}
}

func read(t *testing.T, p *people.Person, file string) *filev1.File {
	t.Helper()
	var got filev1.GetFileResponse
	p.Do(t, fileCalls+"GetFile", &filev1.GetFileRequest{FileId: file}, &got)
	return got.GetFile()
}

// drawing is a png that is larger than both of its smaller ones.
func drawing(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1600, 900))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
