// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// aPicture is a png.
func aPicture(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// refused tells what a request for bytes was refused with.
func refused(status int, _ http.Header, content []byte) string {
	return people.Refusal(status, content).String()
}

func TestB1_B3_BytesGoInAndComeOut(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{})
	ann, bob := people.Register(t, sys.Public(0), "ann"), people.Register(t, sys.Public(0), "bob")
	content := bytes.Repeat([]byte("parley "), 1<<20) // 7 MiB: more than one step of the store
	request := people.Announce(filev1.Purpose_PURPOSE_FILE, "报告 final-v2.bin", content)
	var created filev1.CreateUploadResponse
	ann.Do(t, fileCalls+"CreateUpload", request, &created)
	url, middle := created.GetUrl(), 3<<20
	if status, header, _ := ann.Bytes(t, http.MethodPut, url, content[:middle], "Upload-Offset", "0"); status != http.StatusNoContent || header.Get("Upload-Offset") != fmt.Sprint(middle) {
		t.Fatalf("the first part: %d, %v", status, header)
	}
	if status, header, _ := ann.Bytes(t, http.MethodHead, url, nil); status != http.StatusNoContent ||
		header.Get("Upload-Offset") != fmt.Sprint(middle) || header.Get("Upload-Length") != fmt.Sprint(len(content)) {
		t.Errorf("how far it is: %d, %v", status, header)
	}
	for offset, want := range map[string]string{
		"0": "aborted OFFSET_MISMATCH", "3145727": "aborted OFFSET_MISMATCH", "-1": wrong, "many": wrong, "9999999999999999999999": wrong,
	} {
		status, header, body := ann.Bytes(t, http.MethodPut, url, []byte("x"), "Upload-Offset", offset)
		if got := refused(status, header, body); got != want {
			t.Errorf("a part at %s: %s, want %s", offset, got, want)
		}
		if status == http.StatusConflict && header.Get("Upload-Offset") != fmt.Sprint(middle) {
			t.Errorf("the refusal of %s tells offset %q", offset, header.Get("Upload-Offset"))
		}
	}
	if got := refused(ann.Bytes(t, http.MethodPut, url, append(content[middle:], 'x'), "Upload-Offset", fmt.Sprint(middle))); got != "invalid_argument UPLOAD_TOO_LONG" {
		t.Errorf("a byte too much: %s", got)
	}
	for name, got := range map[string]string{
		"somebody else's bytes":    refused(bob.Bytes(t, http.MethodPut, url, content)),
		"bytes for nothing":        refused(ann.Bytes(t, http.MethodPut, "/v1/files/"+people.NewID(), content)),
		"a path that is none":      refused(ann.Bytes(t, http.MethodPut, "/v1/files/..%2f..%2fetc%2fpasswd", content)),
		"somebody else's progress": refused(bob.Bytes(t, http.MethodGet, url, nil)),
	} {
		if got != notFound && got != "permission_denied LINK_FOREIGN" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if status, _, body := ann.Bytes(t, http.MethodPut, url, content[middle:], "Upload-Offset", fmt.Sprint(middle)); status != http.StatusNoContent {
		t.Fatalf("the rest: %d %s", status, body)
	}
	var completed filev1.CompleteUploadResponse
	ann.Do(t, fileCalls+"CompleteUpload", &filev1.CompleteUploadRequest{FileId: created.GetFileId()}, &completed)
	file := completed.GetFile()
	if file.GetName() != "报告 final-v2.bin" || !bytes.Equal(file.GetSha256(), request.GetSha256()) {
		t.Errorf("file %v", file)
	}
	link := file.GetLink().GetUrl()
	status, header, got := ann.Bytes(t, http.MethodGet, link, nil)
	if status != http.StatusOK || !bytes.Equal(got, content) {
		t.Fatalf("got %d with %d bytes", status, len(got))
	}
	for name, want := range map[string]string{
		"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'",
		"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "private, max-age=31536000, immutable",
		"Etag": `"` + hex.EncodeToString(request.GetSha256()) + `"`, "Accept-Ranges": "bytes",
	} {
		if values := header.Values(name); len(values) != 1 || values[0] != want {
			t.Errorf("%s is %q, want %q", name, values, want)
		}
	}
	if disposition := header.Get("Content-Disposition"); !strings.HasPrefix(disposition, "attachment") || !strings.Contains(disposition, "filename*=UTF-8''%E6%8A%A5%E5%91%8A") {
		t.Errorf("disposition %s", disposition)
	}
	checkRanges(t, ann, link, content, header.Get("Etag"))
	for name, got := range map[string]string{
		"by somebody else": refused(bob.Bytes(t, http.MethodGet, link, nil)),
		"changed":          refused(ann.Bytes(t, http.MethodGet, strings.Replace(link, "v=0", "v=1", 1), nil)),
		"without a seal":   refused(ann.Bytes(t, http.MethodGet, url, nil)),
	} {
		if got != "permission_denied LINK_FOREIGN" {
			t.Errorf("a link %s: %s", name, got)
		}
	}
	ann.Token = "nobody"
	if got := refused(ann.Bytes(t, http.MethodGet, link, nil)); got != "unauthenticated SESSION_ENDED" {
		t.Errorf("a link without a token: %s", got)
	}
}

func checkRanges(t *testing.T, p *people.Person, link string, content []byte, etag string) {
	t.Helper()
	last := len(content) - 1
	for given, want := range map[string][]byte{
		"bytes=0-6": content[:7], "bytes=7340031-": content[last:], "bytes=-7": content[len(content)-7:], "bytes=6000000-6000010": content[6000000:6000011],
	} {
		status, header, got := p.Bytes(t, http.MethodGet, link, nil, "Range", given)
		if status != http.StatusPartialContent || !bytes.Equal(got, want) || !strings.HasSuffix(header.Get("Content-Range"), fmt.Sprintf("/%d", len(content))) {
			t.Errorf("%s: %d with %d bytes, %s", given, status, len(got), header.Get("Content-Range"))
		}
	}
	for given, want := range map[string]int{
		"bytes=9999999-": http.StatusRequestedRangeNotSatisfiable, "lines=1-2": http.StatusRequestedRangeNotSatisfiable,
		"bytes=6-5": http.StatusRequestedRangeNotSatisfiable, "bytes=99999999999999999999-": http.StatusRequestedRangeNotSatisfiable,
		"bytes=x-y": http.StatusRequestedRangeNotSatisfiable, "bytes=--5": http.StatusRequestedRangeNotSatisfiable,
		// Several at once would read the store again and again: all of it comes once.
		"bytes=0-1,5-6,0-1": http.StatusOK, "bytes=0-10,5-15": http.StatusOK, "bytes=" + strings.Repeat("0-,", 1000) + "0-": http.StatusOK,
	} {
		if status, _, got := p.Bytes(t, http.MethodGet, link, nil, "Range", given); status != want || status == http.StatusOK && len(got) != len(content) {
			t.Errorf("%s: %d with %d bytes, want %d", given, status, len(got), want)
		}
	}
	if status, _, got := p.Bytes(t, http.MethodGet, link, nil, "If-None-Match", etag); status != http.StatusNotModified || len(got) > 0 {
		t.Errorf("what is known already: %d with %d bytes", status, len(got))
	}
	if status, header, _ := p.Bytes(t, http.MethodHead, link, nil); status != http.StatusOK || header.Get("Content-Length") != fmt.Sprint(len(content)) {
		t.Errorf("head: %d, %v", status, header)
	}
}

func TestC8_WhatABrowserMustNotShowIsSaved(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{})
	ann := people.Register(t, sys.Public(0), "ann")
	svg := `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	for name, row := range map[string]struct{ content, inline string }{
		"page.html":             {"<!doctype html><script>alert(1)</script>", ""},
		"picture.svg":           {svg, ""},
		"page.xhtml":            {`<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script/></html>`, ""},
		"paper.pdf":             {"%PDF-1.7 /JS (app.alert(1))", ""},
		"program.exe":           {"MZ\x90\x00\x03\x00", ""},
		"polyglot.gif":          {"GIF89a/*\x00\x00*/=1;alert(1)//", "image/gif"},
		"picture.png":           {string(aPicture(t, 5, 5)), "image/png"},
		"x\u202egnp.exe":        {"MZ\x90\x00\x03\x01", ""},
		"../../etc/a\"b\nc.txt": {"plain", ""},
		"nul\x00.html":          {"<!doctype html><script>alert(2)</script>", ""},
		"magic.html":            {"\x89PNG\r\n\x1a\n<script>alert(1)</script>", "image/png"},
	} {
		file := ann.Upload(t, filev1.Purpose_PURPOSE_FILE, name, []byte(row.content))
		_, header, got := ann.Bytes(t, http.MethodGet, file.GetLink().GetUrl(), nil)
		contentType, disposition := "application/octet-stream", "attachment"
		if row.inline != "" {
			contentType, disposition = row.inline, "inline"
		}
		if header.Get("Content-Type") != contentType || !strings.HasPrefix(header.Get("Content-Disposition"), disposition) || string(got) != row.content {
			t.Errorf("%q comes as %s, %s", name, header.Get("Content-Type"), header.Get("Content-Disposition"))
		}
		if strings.ContainsAny(file.GetName(), "/\\\n\x00\u202e") {
			t.Errorf("%q is kept as %q", name, file.GetName())
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Content-Security-Policy") != "sandbox; default-src 'none'" {
			t.Errorf("%q: %v", name, header)
		}
	}
}

func TestAPictureHasSmallerOnes(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{})
	ann := people.Register(t, sys.Public(0), "ann")
	file := ann.Upload(t, filev1.Purpose_PURPOSE_IMAGE, "a.png", aPicture(t, 1300, 650))
	if file.GetWidth() != 1300 || file.GetHeight() != 650 || len(file.GetThumbnails()) != 2 {
		t.Fatalf("file %v", file)
	}
	for i, side := range []int32{320, 1280} {
		thumbnail := file.GetThumbnails()[i]
		status, header, got := ann.Bytes(t, http.MethodGet, thumbnail.GetLink().GetUrl(), nil)
		config, _, err := image.DecodeConfig(bytes.NewReader(got))
		if status != http.StatusOK || err != nil || config.Width != int(side) || config.Height != int(side/2) || thumbnail.GetWidth() != side || !strings.HasPrefix(header.Get("Content-Type"), "image/") {
			t.Errorf("thumbnail %v: %d %s, %v, %v", thumbnail, status, header.Get("Content-Type"), config, err)
		}
	}
}

func TestU8_APictureOfAPersonIsForEverybody(t *testing.T) {
	t.Parallel()
	sys := devtest.Start(t, devtest.Options{})
	ann, bob := people.Register(t, sys.Public(0), "ann"), people.Register(t, sys.Public(0), "bob")
	file := ann.Upload(t, filev1.Purpose_PURPOSE_AVATAR, "me.png", aPicture(t, 600, 400))
	bobs := bob.Upload(t, filev1.Purpose_PURPOSE_FILE, "no avatar.png", aPicture(t, 6, 4))
	get := &filev1.GetFileRequest{FileId: file.GetFileId()}
	if got := bob.Try(t, fileCalls+"GetFile", get).String(); got != notFound {
		t.Errorf("a picture that nobody shows: %s", got)
	}
	update := func(p *people.Person, id string) string {
		return p.Try(t, "parley.user.v1.UserService/UpdateProfile", &userv1.UpdateProfileRequest{AvatarFileId: &id}).String()
	}
	for name, got := range map[string]string{
		"somebody else's picture": update(bob, file.GetFileId()), "a file for something else": update(bob, bobs.GetFileId()), "nothing": update(bob, people.NewID()),
	} {
		if got != "failed_precondition FILE_NOT_READY" {
			t.Errorf("%s as a picture: %s", name, got)
		}
	}
	if got := update(ann, file.GetFileId()); got != "ok" {
		t.Fatal(got)
	}
	var seen userv1.GetUserResponse
	bob.Do(t, "parley.user.v1.UserService/GetUser", &userv1.GetUserRequest{UserId: ann.ID}, &seen)
	var found filev1.GetFileResponse
	bob.Do(t, fileCalls+"GetFile", &filev1.GetFileRequest{FileId: seen.GetUser().GetAvatarFileId()}, &found)
	small := found.GetFile().GetThumbnails()[0]
	if status, _, content := bob.Bytes(t, http.MethodGet, small.GetLink().GetUrl(), nil); status != http.StatusOK || len(content) == 0 || small.GetWidth() != 96 || small.GetHeight() != 96 {
		t.Errorf("the small picture: %d with %d bytes, %v", status, len(content), small)
	}
	if got := ann.Try(t, fileCalls+"DeleteFile", &filev1.DeleteFileRequest{FileId: file.GetFileId()}).String(); got != "failed_precondition FILE_IN_USE" {
		t.Errorf("a shown picture is deleted: %s", got)
	}
	if got := update(ann, ""); got != "ok" {
		t.Error(got)
	}
}
