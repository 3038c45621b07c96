// SPDX-License-Identifier: Apache-2.0

package people

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"testing"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
)

const files = "parley.file.v1.FileService/"

// Announce is what somebody says of a content before the bytes.
func Announce(purpose filev1.Purpose, name string, content []byte) *filev1.CreateUploadRequest {
	sum := sha256.Sum256(content)
	return &filev1.CreateUploadRequest{Purpose: purpose, Name: name, Size: int64(len(content)), Sha256: sum[:], IdempotencyKey: NewID()}
}

// Draft announces a content and sends its bytes; it answers the id.
func (p *Person) Draft(t testing.TB, request *filev1.CreateUploadRequest, content []byte) string {
	t.Helper()
	var created filev1.CreateUploadResponse
	p.Do(t, files+"CreateUpload", request, &created)
	if status, _, body := p.Bytes(t, http.MethodPut, created.GetUrl(), content); status != http.StatusNoContent {
		t.Fatalf("PUT %s: %d %s", created.GetUrl(), status, body)
	}
	return created.GetFileId()
}

// Upload makes a file.
func (p *Person) Upload(t testing.TB, purpose filev1.Purpose, name string, content []byte) *filev1.File {
	t.Helper()
	id := p.Draft(t, Announce(purpose, name, content), content)
	var completed filev1.CompleteUploadResponse
	p.Do(t, files+"CompleteUpload", &filev1.CompleteUploadRequest{FileId: id}, &completed)
	return completed.GetFile()
}

// Bytes sends a request for bytes with the person's token, and answers what came. Headers are pairs.
func (p *Person) Bytes(t testing.TB, method, path string, body []byte, headers ...string) (status int, header http.Header, content []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, p.base+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, pairs := range [][]string{Bearer(p.Token), headers} {
		for i := 0; i+1 < len(pairs); i += 2 {
			request.Header.Set(pairs[i], pairs[i+1])
		}
	}
	response, err := http.DefaultTransport.RoundTrip(request) // as it is: no redirect, no inflating
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	content, err = io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return response.StatusCode, response.Header, content
}

// Refusal reads the answer of a request for bytes that was refused.
func Refusal(status int, content []byte) Answer { return read(status, content) }
