// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

// later is a link that says it lives longer.
func later(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	expires, err := strconv.ParseInt(query.Get("e"), 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", link, err)
	}
	query.Set("e", strconv.FormatInt(expires+time.Hour.Milliseconds(), 10))
	u.RawQuery = query.Encode()
	return u.String()
}

// A link is for one reader and a minute, whoever else may read the file, and what was begun in time is read to its end.
func TestC8_ALinkIsForOneReaderAndAMinute(t *testing.T) {
	t.Parallel()
	const foreign, expired = "permission_denied LINK_FOREIGN", "permission_denied LINK_EXPIRED"
	sys := devtest.Start(t, devtest.Options{})
	base := sys.Public(0)
	ann, bob, eve := people.Register(t, base, "ann"), people.Register(t, base, "bob"), people.Register(t, base, "eve")
	conversation := people.Befriend(t, ann, bob)
	content := noise(1, 16<<20)
	shown := []string{
		ann.Upload(t, filev1.Purpose_PURPOSE_FILE, "large.bin", content).GetFileId(),
		ann.Upload(t, filev1.Purpose_PURPOSE_IMAGE, "a.png", aPicture(t, 600, 400)).GetFileId(),
	}
	ann.Do(t, send, attached(conversation, shown[0]), &messagev1.SendResponse{})
	ann.Do(t, send, picture(conversation, shown[1], ""), &messagev1.SendResponse{})
	linksOf := func(p *people.Person) map[string]string {
		var got filev1.BatchGetFilesResponse
		p.Do(t, fileCalls+"BatchGetFiles", &filev1.BatchGetFilesRequest{FileIds: shown}, &got)
		if len(got.GetFiles()) != 2 || len(got.GetFiles()[1].GetThumbnails()) == 0 {
			t.Fatalf("%s sees %v", p.Username, got.GetFiles())
		}
		return map[string]string{
			"file": got.GetFiles()[0].GetLink().GetUrl(), "picture": got.GetFiles()[1].GetLink().GetUrl(),
			"thumbnail": got.GetFiles()[1].GetThumbnails()[0].GetLink().GetUrl(),
		}
	}
	check := func(when string, by *people.Person, links map[string]string, want string) {
		t.Helper()
		for name, link := range links {
			status, _, body := by.Bytes(t, http.MethodGet, link, nil)
			if got := people.Refusal(status, body).String(); status != http.StatusOK && got != want || status == http.StatusOK && want != "" {
				t.Errorf("%s: %s reads the %s: %d %s, want %q", when, by.Username, name, status, got, want)
			}
		}
	}
	anns, bobs := linksOf(ann), linksOf(bob)
	check("at once", ann, anns, "")
	check("at once", bob, bobs, "")
	check("the link of the reader", ann, bobs, foreign)
	check("the link of the owner", bob, anns, foreign)
	check("the link of another", eve, bobs, foreign)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+bobs["file"], nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+bob.Token)
	begun, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer begun.Body.Close()

	sys.AdvanceFiles(20 * time.Second)
	check("before the minute is over", bob, bobs, "")
	sys.AdvanceFiles(41 * time.Second)
	check("after a minute", bob, bobs, expired)
	check("after a minute", ann, bobs, foreign)
	if status, _, _ := bob.Bytes(t, http.MethodHead, bobs["file"], nil); status != http.StatusForbidden {
		t.Errorf("the head of an expired link: %d", status)
	}
	if got := refused(bob.Bytes(t, http.MethodGet, bobs["file"], nil, "Range", "bytes=5-9")); got != expired {
		t.Errorf("a range of an expired link: %s", got)
	}
	for name, link := range bobs {
		if got := refused(bob.Bytes(t, http.MethodGet, later(t, link), nil)); got != foreign {
			t.Errorf("the %s by a link that says it lives longer: %s", name, got)
		}
	}
	if got, err := io.ReadAll(begun.Body); err != nil || !bytes.Equal(got, content) {
		t.Errorf("what was begun in time: %d bytes, %v", len(got), err)
	}
	check("by new links", bob, linksOf(bob), "")
	check("by new links", ann, linksOf(ann), "")
}
