// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	filev1 "github.com/parley-chat/parley/api/gen/parley/file/v1"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	"github.com/parley-chat/parley/services/dev/devtest"
	"github.com/parley-chat/parley/test/integration/people"
)

const (
	asImage   = filev1.Purpose_PURPOSE_IMAGE
	asFile    = filev1.Purpose_PURPOSE_FILE
	asVoice   = filev1.Purpose_PURPOSE_VOICE
	asAvatar  = filev1.Purpose_PURPOSE_AVATAR
	mismatch  = "invalid_argument CONTENT_TYPE_MISMATCH"
	unfit     = "invalid_argument FILE_UNFIT"
	tooLarge  = "resource_exhausted TOO_LARGE"
	tooLong   = "invalid_argument UPLOAD_TOO_LONG"
	missing   = "failed_precondition UPLOAD_INCOMPLETE"
	otherHash = "invalid_argument CHECKSUM_MISMATCH"
	sent      = "204"
)

// chunk of a PNG.
func chunk(kind string, content []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	b = append(append(b, kind...), content...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// pngOf is a PNG of a size with chunks of the caller's.
func pngOf(width, height uint32, chunks ...[]byte) []byte {
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	b := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(size, 8, 2, 0, 0, 0))...)
	return append(append(b, bytes.Join(chunks, nil)...), chunk("IEND", nil)...)
}

// zeros are so many of them, compressed: a thousandth of that.
func zeros(t *testing.T, n int64) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := io.CopyN(w, zero{}, n); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// photo is a JPEG that tells where it was taken.
func photo(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 640, 480)), nil); err != nil {
		t.Fatal(err)
	}
	place := "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x88\x25\x00\x04\x00\x00\x00\x01\x00\x00\x00\x1a\x00\x00\x00\x00GPS 39.9042 N 116.4074 E"
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(place)+2))
	return bytes.Join([][]byte{b.Bytes()[:2], segment, []byte(place), b.Bytes()[2:]}, nil)
}

// lie is an upload that is not what it says, or that must not be believed.
type lie struct {
	purpose  filev1.Purpose
	content  []byte
	announce func(r *filev1.CreateUploadRequest)
	// What creating, sending and completing are answered with; empty: well.
	create, put, complete string
}

func lies(t *testing.T) map[string]lie {
	t.Helper()
	good := aPicture(t, 40, 30)
	html, exe := []byte("<!doctype html><script>alert(1)</script>"), []byte("MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff")
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
	polyglot := []byte("GIF89a/*\x00\x00*/=1;alert(1)//")
	zip := []byte("PK\x03\x04\x14\x00\x00\x00\x08\x00" + strings.Repeat("\x00", 20) + "0.txt")
	called := func(kind string) func(r *filev1.CreateUploadRequest) {
		return func(r *filev1.CreateUploadRequest) { r.ContentType = kind }
	}
	sized := func(change int64) func(r *filev1.CreateUploadRequest) {
		return func(r *filev1.CreateUploadRequest) { r.Size += change }
	}
	return map[string]lie{
		"0 bytes":                       {asFile, nil, nil, wrong, "", ""},
		"less than nothing":             {asFile, nil, sized(-1), wrong, "", ""},
		"a picture above its limit":     {asImage, good, sized(10 << 20), tooLarge, "", ""},
		"a name of 256 bytes":           {asFile, html, func(r *filev1.CreateUploadRequest) { r.Name = strings.Repeat("n", 252) + ".txt" }, wrong, "", ""},
		"half a SHA-256":                {asFile, html, func(r *filev1.CreateUploadRequest) { r.Sha256 = r.GetSha256()[:16] }, wrong, "", ""},
		"another SHA-256":               {asFile, html, func(r *filev1.CreateUploadRequest) { r.Sha256[0] ^= 1 }, "", "", otherHash},
		"a byte less than was said":     {asFile, html, sized(1), "", missing, missing},
		"a byte more than was said":     {asFile, html, sized(-1), "", tooLong, missing},
		"an EXE called a png":           {asImage, exe, called("image/png"), "", "", mismatch},
		"an EXE called a png, as file":  {asFile, exe, called("image/png"), "", "", mismatch},
		"HTML as a picture":             {asImage, html, nil, "", "", mismatch},
		"HTML called a picture":         {asFile, html, called("image/gif"), "", "", mismatch},
		"SVG as a picture":              {asImage, svg, called("image/svg+xml"), "", "", mismatch},
		"SVG as an avatar":              {asAvatar, svg, called("image/png"), "", "", mismatch},
		"PDF as a picture":              {asImage, []byte("%PDF-1.7 /JS (app.alert(1))"), nil, "", "", mismatch},
		"a zip bomb as a picture":       {asImage, zip, called("image/png"), "", "", mismatch},
		"a picture as a voice message":  {asVoice, good, nil, "", "", mismatch},
		"a png called a jpeg":           {asImage, good, called("image/jpeg"), "", "", mismatch},
		"HTML with the magic of a png":  {asImage, append([]byte("\x89PNG\r\n\x1a\n"), html...), called("image/png"), "", "", unfit},
		"a script that begins as a gif": {asImage, polyglot, called("image/gif"), "", "", unfit},
		"a png of 50,000 by 50,000":     {asImage, pngOf(50_000, 50_000), nil, "", "", unfit},
		"a picture of 100 megapixels":   {asImage, pngOf(10_000, 10_000, chunk("IDAT", zeros(t, 1<<20))), nil, "", "", unfit},
		"a png with 100,000 frames": {
			asImage, pngOf(2, 2, bytes.Repeat(chunk("fcTL", append([]byte("\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x02"), make([]byte, 14)...)), 100_000)),
			nil, "", "", unfit,
		},
		"a jpeg cut in its header": {asImage, photo(t)[:100], nil, "", "", unfit},
	}
}

// Whatever somebody uploads that is not what it says is refused, and can be neither read nor shown after that.
func TestC8_FilesThatLieAreRefused(t *testing.T) {
	t.Parallel()
	base := devtest.Start(t, devtest.Options{}).Public(0)
	ann, bob := people.Register(t, base, "ann"), people.Register(t, base, "bob")
	talk := people.Befriend(t, ann, bob)
	for name, l := range lies(t) {
		request := people.Announce(l.purpose, "a name", l.content)
		if l.announce != nil {
			l.announce(request)
		}
		created := ann.Try(t, fileCalls+"CreateUpload", request)
		if want := orOK(l.create); created.String() != want {
			t.Errorf("%s is announced: %s, want %s", name, created, want)
		}
		if created.String() != ok {
			continue
		}
		var made filev1.CreateUploadResponse
		ann.Do(t, fileCalls+"CreateUpload", request, &made) // once more: the same upload
		status, _, body := ann.Bytes(t, http.MethodPut, made.GetUrl(), l.content)
		if got := people.Refusal(status, body).String(); got != l.put && (l.put != "" || status != http.StatusNoContent) {
			t.Errorf("%s is sent: %s, want %s", name, got, l.put)
		}
		for range 2 { // no second try helps
			if got := ann.Try(t, fileCalls+"CompleteUpload", &filev1.CompleteUploadRequest{FileId: made.GetFileId()}); got.String() != l.complete {
				t.Errorf("%s is completed: %s, want %s", name, got, l.complete)
			} else if found := leak.Find(got.Body); found != nil {
				t.Errorf("%s leaks %q: %s", name, found, got.Body)
			}
		}
		if got := ann.Try(t, fileCalls+"GetFile", &filev1.GetFileRequest{FileId: made.GetFileId()}).String(); got != notFound {
			t.Errorf("%s is read: %s", name, got)
		}
		for _, message := range []*messagev1.SendRequest{attached(talk, made.GetFileId()), picture(talk, made.GetFileId(), ""), voice(talk, made.GetFileId())} {
			if got := ann.Try(t, send, message).String(); got != notReady {
				t.Errorf("%s is shown: %s", name, got)
			}
		}
	}
	if got := history(t, bob, talk); len(got) > 0 {
		t.Errorf("bob sees %v", got)
	}
}

func orOK(answer string) string {
	if answer == "" {
		return ok
	}
	return answer
}

// Pictures that are odd but no lie are taken, and their smaller ones tell nothing.
func TestC8_OddPicturesAreTakenAndTellNothing(t *testing.T) {
	t.Parallel()
	base := devtest.Start(t, devtest.Options{}).Public(0)
	ann := people.Register(t, base, "ann")
	taken := photo(t)
	for name, row := range map[string]struct {
		content    []byte
		thumbnails int
	}{
		"with a place":                      {taken, 2},
		"cut in its pixels":                 {taken[:len(taken)*3/4], 0},
		"a png that inflates without end":   {pngOf(40, 30, chunk("IDAT", zeros(t, 20<<20))), 0},
		"a png without pixels":              {pngOf(5000, 5000), 0},
		"a picture with a script behind it": {append(aPicture(t, 40, 30), "<script>alert(1)</script>"...), 1},
	} {
		file := ann.Upload(t, asImage, "a picture", row.content)
		if len(file.GetThumbnails()) != row.thumbnails {
			t.Errorf("%s: %d smaller pictures, want %d", name, len(file.GetThumbnails()), row.thumbnails)
		}
		for _, thumbnail := range file.GetThumbnails() {
			_, header, small := ann.Bytes(t, http.MethodGet, thumbnail.GetLink().GetUrl(), nil)
			if _, _, err := image.Decode(bytes.NewReader(small)); err != nil || bytes.Contains(small, []byte("GPS")) || bytes.Contains(small, []byte("Exif")) || bytes.Contains(small, []byte("script")) {
				t.Errorf("%s: a smaller one of %d bytes tells more than it shows: %v", name, len(small), err)
			}
			if header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %v", name, header)
			}
		}
		_, header, got := ann.Bytes(t, http.MethodGet, file.GetLink().GetUrl(), nil)
		if !bytes.Equal(got, row.content) || header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(header.Get("Content-Type"), "image/") {
			t.Errorf("%s comes as %d bytes of %s", name, len(got), header.Get("Content-Type"))
		}
	}
}

// A body that breaks off costs what was not stored; the rest goes on from there.
func TestC8_ABodyThatBreaksOffGoesOn(t *testing.T) {
	t.Parallel()
	base := devtest.Start(t, devtest.Options{}).Public(0)
	ann := people.Register(t, base, "ann")
	content := noise(7, storeStep+3_000_000)
	var created filev1.CreateUploadResponse
	ann.Do(t, fileCalls+"CreateUpload", people.Announce(asFile, "cut.bin", content), &created)
	u := upload{t: t, by: ann, base: base, url: created.GetUrl(), id: created.GetFileId(), content: content}
	broken := errors.New("the client is gone")
	body := io.MultiReader(bytes.NewReader(content[:storeStep+1_000_000]), iotest.ErrReader(broken))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, base+u.url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = int64(len(content))
	request.Header.Set("Authorization", "Bearer "+ann.Token)
	if response, err := http.DefaultTransport.RoundTrip(request); !errors.Is(err, broken) {
		t.Fatalf("the break is told as %v, %v", response, err)
	}
	u.awaitOffset(storeStep)
	if got := ann.Try(t, fileCalls+"CompleteUpload", &filev1.CompleteUploadRequest{FileId: u.id}).String(); got != missing {
		t.Errorf("completed: %s, want %s", got, missing)
	}
	until(t, sent, func() people.Answer { // the server may still read what has come
		at := u.offset()
		status, _, body := ann.Bytes(t, http.MethodPut, u.url, content[at:], "Upload-Offset", strconv.Itoa(at))
		return people.Refusal(status, body)
	})
	ann.Do(t, fileCalls+"CompleteUpload", &filev1.CompleteUploadRequest{FileId: u.id}, &filev1.CompleteUploadResponse{})
	checkContent(t, ann, u.id, content)
}

// Nobody shows what is not theirs, and who is away from a conversation reads nothing that was sent there meanwhile.
func TestF13_F19_FilesOfOthers(t *testing.T) {
	t.Parallel()
	base := devtest.Start(t, devtest.Options{}).Public(0)
	ann, bob, cyd := people.Register(t, base, "ann"), people.Register(t, base, "bob"), people.Register(t, base, "cyd")
	talk := people.Befriend(t, ann, bob)
	people.Befriend(t, ann, cyd)
	group := people.Group(t, ann, bob, cyd)
	before := ann.Upload(t, asFile, "before.txt", []byte("before")).GetFileId()
	draft := bob.Draft(t, people.Announce(asFile, "draft.txt", []byte("draft")), []byte("draft"))
	face := ann.Upload(t, asAvatar, "face.png", aPicture(t, 20, 20)).GetFileId()
	ann.Do(t, send, attached(talk, before), &messagev1.SendResponse{})
	ann.Do(t, send, attached(group, before), &messagev1.SendResponse{})
	for name, message := range map[string]*messagev1.SendRequest{
		"another's file that one reads": attached(talk, before), "another's as a picture": picture(talk, before, ""),
		"another's as a voice message": voice(talk, before), "another's avatar": attached(talk, face),
		"an unfinished one": attached(talk, draft), "none": attached(talk, people.NewID()),
	} {
		if got := bob.Try(t, send, message).String(); got != notReady {
			t.Errorf("bob shows %s: %s, want %s", name, got, notReady)
		}
	}
	reads := func(p *people.Person, file, want string) {
		t.Helper()
		if got := p.Try(t, fileCalls+"GetFile", &filev1.GetFileRequest{FileId: file}).String(); got != want {
			t.Errorf("%s reads: %s, want %s", p.Username, got, want)
		}
	}
	const conversations = "parley.message.v1.ConversationService/"
	bob.Do(t, conversations+"LeaveGroup", &messagev1.LeaveGroupRequest{ConversationId: group}, &messagev1.LeaveGroupResponse{})
	ann.Do(t, conversations+"RemoveMember", &messagev1.RemoveMemberRequest{ConversationId: group, UserId: cyd.ID}, &messagev1.RemoveMemberResponse{})
	after := ann.Upload(t, asFile, "after.txt", []byte("after")).GetFileId()
	ann.Do(t, send, attached(group, after), &messagev1.SendResponse{})
	for _, p := range []*people.Person{bob, cyd} {
		reads(p, before, ok) // they still see the message
		reads(p, after, notFound)
	}
	// A block closes a conversation and leaves what was said in it.
	hers := ann.Upload(t, asFile, "hers.txt", []byte("hers"))
	ann.Do(t, "parley.friend.v1.FriendService/BlockUser", &friendv1.BlockUserRequest{UserId: bob.ID}, &friendv1.BlockUserResponse{})
	if got := ann.Try(t, send, attached(talk, hers.GetFileId())).String(); got != readOnly {
		t.Errorf("a file after the block: %s", got)
	}
	reads(bob, before, ok)
	reads(bob, hers.GetFileId(), notFound)
	if got := refused(bob.Bytes(t, http.MethodGet, hers.GetLink().GetUrl(), nil)); got != "permission_denied LINK_FOREIGN" {
		t.Errorf("with her link: %s", got)
	}
}
