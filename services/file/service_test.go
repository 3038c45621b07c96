// SPDX-License-Identifier: Apache-2.0

package file_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/file/filetest"
	"github.com/parley-chat/parley/services/file/sqlstore"
	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

func start(t *testing.T, limits file.Limits) *filetest.Fixture {
	t.Helper()
	return filetest.New(t, sqlstore.New(sqldbtest.Open(t, sqldbtest.SQLiteDSN(t), sqlstore.Migrations)), limits)
}

// aPicture is a png.
func aPicture(t testing.TB, width, height int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		for y := range height {
			m.Set(x, y, color.RGBA{uint8(x), uint8(y), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// aRecording is a wav of 8,000 samples in a second.
func aRecording(seconds int) []byte {
	size := 8000 * seconds
	u32 := func(n int) string { return string([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}) }
	head := "RIFF" + u32(36+size) + "WAVEfmt " + u32(16) + "\x01\x00\x01\x00" + u32(8000) + u32(8000) + "\x01\x00\x08\x00data" + u32(size)
	return append([]byte(head), make([]byte, size)...)
}

func TestB3_AnUploadBecomesAFile(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	ann, content := ids.NewUser(), aPicture(t, 900, 600)
	a := filetest.Announce(ann, file.Image, content)
	a.Name = `C:\photos\..\假期.png`
	made := f.Upload(t, a, content)
	if made.Name != "假期.png" || made.Upload.Offset != made.Size {
		t.Errorf("upload %+v; want the last part of the name, and all bytes", made)
	}
	for range 2 { // again is no error
		done, err := f.Complete(t.Context(), ann, made.ID)
		if err != nil {
			t.Fatal(err)
		}
		if done.State != file.Complete || done.Width != 900 || done.Height != 600 || done.ContentType != "image/png" || done.Hash != a.Hash {
			t.Errorf("file %+v", done)
		}
	}
	if again, err := f.Create(t.Context(), a); err != nil || again.ID != made.ID || again.State != file.Complete {
		t.Errorf("announced again: %+v, %v; want the complete file", again, err)
	}
	seen, err := f.Get(t.Context(), ann, made.ID, file.Shortest)
	if err != nil {
		t.Fatal(err)
	}
	if len(seen.ThumbnailLinks) != 2 || seen.Thumbnails[0].Width != 320 || seen.Thumbnails[1].Width != 900 {
		t.Errorf("thumbnails %+v; want a small one and one that is no larger than the picture", seen.Thumbnails)
	}
	if _, err := f.Get(t.Context(), ids.NewUser(), made.ID, file.Shortest); !errors.Is(err, file.ErrNotFound) {
		t.Errorf("a stranger gets %v", err)
	}
}

func TestB3_AKeyStandsForOneUpload(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	a := filetest.Announce(ids.NewUser(), file.Plain, []byte("hello"))
	first, err := f.Create(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	other := a
	other.Size = 6
	if _, err := f.Create(t.Context(), other); !errors.Is(err, file.ErrKeyReused) {
		t.Errorf("the key for another upload: %v", err)
	}
	if err := f.Delete(t.Context(), a.Owner, first.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Create(t.Context(), a); !errors.Is(err, file.ErrKeyReused) {
		t.Errorf("the key of an upload that has ended: %v", err)
	}
	other.Owner = ids.NewUser()
	if _, err := f.Create(t.Context(), other); err != nil {
		t.Errorf("the key of somebody else: %v", err)
	}
}

func TestB3_ThereIsAQuotaPerDay(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{DailyBytes: 10, DailyFiles: 3, FileBytes: 8})
	ann := ids.NewUser()
	create := func(size int) error {
		_, err := f.Create(t.Context(), filetest.Announce(ann, file.Plain, make([]byte, size)))
		return err
	}
	if err := create(9); !errors.Is(err, file.ErrTooLarge) {
		t.Errorf("nine bytes: %v", err)
	}
	if err := errors.Join(create(8), create(1)); err != nil {
		t.Fatal(err)
	}
	err := create(2)
	known, _ := fault.Of(err)
	if !errors.Is(err, file.ErrQuotaExceeded) || known.Metadata()["limit"] != "bytes_per_day" || known.RetryAfter() != 12*time.Hour {
		t.Errorf("two bytes more: %v after %v", err, known.RetryAfter())
	}
	if err := create(1); err != nil {
		t.Errorf("exactly what is left: %v", err)
	}
	err = create(1)
	if known, _ = fault.Of(err); !errors.Is(err, file.ErrQuotaExceeded) || known.Metadata()["limit"] != "files_per_day" {
		t.Errorf("a fourth file: %v", err)
	}
	f.Clock.Advance(12 * time.Hour)
	if err := create(8); err != nil {
		t.Errorf("on the next day: %v", err)
	}
}

func TestB3_BytesGoOnAfterABreak(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	ann, content := ids.NewUser(), bytes.Repeat([]byte("0123456789"), 1<<20)
	made, err := f.Create(t.Context(), filetest.Announce(ann, file.Plain, content))
	if err != nil {
		t.Fatal(err)
	}
	part := func(offset, size int64) file.Part {
		return file.Part{Owner: ann, File: made.ID, Offset: offset, Size: size}
	}
	cut := io.MultiReader(bytes.NewReader(content[:6<<20+3]), iotest.ErrReader(io.ErrUnexpectedEOF))
	got, err := f.Receive(t.Context(), part(-1, made.Size), cut)
	if !errors.Is(err, file.ErrIncomplete) || got.Upload.Offset != 6<<20+3 {
		t.Fatalf("after the break at %d: %v", got.Upload.Offset, err)
	}
	offset := got.Upload.Offset
	if _, err := f.Complete(t.Context(), ann, made.ID); !errors.Is(err, file.ErrIncomplete) || offsetOf(err) != offset {
		t.Errorf("completed too early: %v", err)
	}
	other := f.Restart(t, file.Limits{})
	if seen, err := other.Progress(t.Context(), ann, made.ID); err != nil || seen.Upload.Offset != offset {
		t.Errorf("another process sees %d, %v", seen.Upload.Offset, err)
	}
	for _, wrong := range []int64{0, offset - 1, offset + 1} {
		if _, err := other.Receive(t.Context(), part(wrong, 1), strings.NewReader("x")); !errors.Is(err, file.ErrOffset) || offsetOf(err) != offset {
			t.Errorf("a part at %d: %v", wrong, err)
		}
	}
	for _, end := range []int64{offset + 1, made.Size} {
		if got, err = other.Receive(t.Context(), part(offset, end-offset), bytes.NewReader(content[offset:end])); err != nil || got.Upload.Offset != end {
			t.Fatalf("a part to %d: %d, %v", end, got.Upload.Offset, err)
		}
		offset = end
	}
	if _, err := other.Complete(t.Context(), ann, made.ID); err != nil {
		t.Error(err)
	}
}

// offsetOf is what an error tells of how far the upload has come.
func offsetOf(err error) int64 {
	known, _ := fault.Of(err)
	n, _ := strconv.ParseInt(known.Metadata()["offset"], 10, 64)
	return n
}

func TestB3_TheWholeMayBeSentAgain(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	ann, content := ids.NewUser(), []byte("the whole")
	made, err := f.Create(t.Context(), filetest.Announce(ann, file.Plain, content))
	if err != nil {
		t.Fatal(err)
	}
	whole := file.Part{Owner: ann, File: made.ID, Offset: -1, Size: -1}
	if _, err := f.Receive(t.Context(), whole, strings.NewReader("the")); !errors.Is(err, file.ErrIncomplete) {
		t.Errorf("a third of the whole: %v", err)
	}
	if _, err := f.Receive(t.Context(), whole, strings.NewReader("the whole and more")); !errors.Is(err, file.ErrTooMuch) {
		t.Errorf("more than the whole: %v", err)
	}
	for range 2 {
		if got, err := f.Receive(t.Context(), whole, bytes.NewReader(content)); err != nil || got.Upload.Offset != got.Size {
			t.Fatalf("the whole: %+v, %v", got, err)
		}
	}
	if _, err := f.Complete(t.Context(), ann, made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Receive(t.Context(), whole, strings.NewReader("other")); err != nil {
		t.Errorf("bytes for a complete file: %v; want them not looked at", err)
	}
}

func TestWhatTheStoreHasLostMustComeAgain(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	ann, content := ids.NewUser(), []byte("lost and found")
	made := f.Upload(t, filetest.Announce(ann, file.Plain, content), content)
	f.Blobs.LoseParts()
	if _, err := f.Complete(t.Context(), ann, made.ID); !errors.Is(err, file.ErrIncomplete) || offsetOf(err) != 0 {
		t.Fatalf("completed: %v", err)
	}
	if _, err := f.Receive(t.Context(), file.Part{Owner: ann, File: made.ID, Size: -1}, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Complete(t.Context(), ann, made.ID); err != nil {
		t.Error(err)
	}
}

func TestBadUploadsEndAndLeaveNothing(t *testing.T) {
	t.Parallel()
	picture := aPicture(t, 40, 30)
	html := []byte("<!doctype html><script>alert(1)</script>")
	bomb := append([]byte{}, picture...)
	copy(bomb[16:24], "\x00\x00\xc3\x50\x00\x00\xc3\x50") // 50,000 × 50,000, as the header says
	for name, row := range map[string]struct {
		purpose file.Purpose
		content []byte
		change  func(*file.Announcement)
		want    error
	}{
		"another SHA-256":                   {file.Plain, []byte("x"), func(a *file.Announcement) { a.Hash[0] ^= 1 }, file.ErrChecksum},
		"text as a picture":                 {file.Image, []byte("no picture at all"), nil, file.ErrContentType},
		"an EXE as a picture":               {file.Image, []byte("MZ\x90\x00\x03"), func(a *file.Announcement) { a.ContentType = "image/png" }, file.ErrContentType},
		"HTML as an avatar":                 {file.Avatar, html, nil, file.ErrContentType},
		"SVG as a picture":                  {file.Image, []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`), nil, file.ErrContentType},
		"a jpeg that is a png":              {file.Image, picture, func(a *file.Announcement) { a.ContentType = "image/jpeg" }, file.ErrContentType},
		"a file that is no picture":         {file.Plain, html, func(a *file.Announcement) { a.ContentType = "image/png" }, file.ErrContentType},
		"a cut header":                      {file.Image, picture[:20], nil, file.ErrUnfit},
		"the magic of a png before HTML":    {file.Image, append([]byte("\x89PNG\r\n\x1a\n"), html...), nil, file.ErrUnfit},
		"the header of a bomb":              {file.Image, bomb, nil, file.ErrUnfit},
		"a picture as a voice message":      {file.Voice, picture, nil, file.ErrContentType},
		"a voice message of over 5 minutes": {file.Voice, aRecording(301), nil, file.ErrUnfit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, file.Limits{})
			a := filetest.Announce(ids.NewUser(), row.purpose, row.content)
			if row.change != nil {
				row.change(&a)
			}
			made := f.Upload(t, a, row.content)
			for range 2 { // the same answer again
				if _, err := f.Complete(t.Context(), a.Owner, made.ID); !errors.Is(err, row.want) {
					t.Errorf("completed: %v, want %v", err, row.want)
				}
			}
			if keys := f.Blobs.Keys(); len(keys) > 0 {
				t.Errorf("the store still has %v", keys)
			}
			if _, err := f.Get(t.Context(), a.Owner, made.ID, file.Shortest); !errors.Is(err, file.ErrNotFound) {
				t.Errorf("it can be read: %v", err)
			}
			wish := file.Wish{Citation: filetest.Message(a.Owner, made.ID), User: a.Owner, Purpose: row.purpose}
			if cited, err := f.Cite(t.Context(), []file.Wish{wish}); err != nil || cited[0] != nil {
				t.Errorf("it can be shown: %+v, %v", cited, err)
			}
		})
	}
}

func TestARecordingTellsHowLongItIs(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	if made := f.Make(t, ids.NewUser(), file.Voice, aRecording(7)); made.Duration != 7*time.Second || made.ContentType != "audio/wav" {
		t.Errorf("recording %+v", made)
	}
}

func TestLinksAreForOneCallerAndAMinute(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	ann, content := ids.NewUser(), aPicture(t, 900, 600)
	made := f.Make(t, ann, file.Image, content)
	seen, err := f.Get(t.Context(), ann, made.ID, file.Shortest)
	if err != nil {
		t.Fatal(err)
	}
	claim, sealed := parseLink(t, seen.Link)
	small, smallSeal := parseLink(t, seen.ThumbnailLinks[0])
	follow := func(user ids.UserID, c file.Claim, s string) error {
		t.Helper()
		_, err := f.Follow(t.Context(), user, c, s)
		return err
	}
	if err := errors.Join(follow(ann, claim, sealed), follow(ann, small, smallSeal)); err != nil {
		t.Fatal(err)
	}
	later := claim
	later.ExpiresAt++
	otherVariant, otherFile := claim, claim
	otherVariant.Variant, otherFile.File = 1, f.Make(t, ann, file.Plain, []byte("other")).ID
	for name, err := range map[string]error{
		"somebody else": follow(ids.NewUser(), claim, sealed), "a later end": follow(ann, later, sealed),
		"another variant": follow(ann, otherVariant, sealed), "another file": follow(ann, otherFile, sealed),
		"no seal": follow(ann, claim, ""), "half a seal": follow(ann, claim, sealed[:20]), "no base64": follow(ann, claim, "%"),
	} {
		if !errors.Is(err, file.ErrLinkForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.Clock.Advance(time.Minute)
	if err := follow(ann, claim, sealed); !errors.Is(err, file.ErrLinkExpired) {
		t.Errorf("after a minute: %v", err)
	}
	if err := follow(ids.NewUser(), claim, sealed); !errors.Is(err, file.ErrLinkForeign) {
		t.Errorf("somebody else after a minute: %v", err)
	}
}

func TestI24_DamagedBytesAreNeverServedAsAWhole(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	ann, content := ids.NewUser(), bytes.Repeat([]byte("0123456789"), 10_000)
	made := f.Make(t, ann, file.Plain, content)
	seen, err := f.Get(t.Context(), ann, made.ID, file.Shortest)
	if err != nil {
		t.Fatal(err)
	}
	claim, sealed := parseLink(t, seen.Link)
	b, err := f.Follow(t.Context(), ann, claim, sealed)
	if err != nil {
		t.Fatal(err)
	}
	read := func(from int64) ([]byte, error) {
		t.Helper()
		r, err := f.Open(t.Context(), b, from)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
	for _, from := range []int64{0, 1, 99_999} {
		if got, err := read(from); err != nil || !bytes.Equal(got, content[from:]) {
			t.Errorf("from %d: %d bytes, %v", from, len(got), err)
		}
	}
	f.Blobs.Damage(made.Upload.Key)
	if got, err := read(0); !errors.Is(err, file.ErrDamaged) || len(got) == len(content) {
		t.Errorf("damaged: %d bytes, %v", len(got), err)
	}
	if err := f.Blobs.Delete(t.Context(), made.Upload.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := read(0); !errors.Is(err, file.ErrDamaged) {
		t.Errorf("gone: %v", err)
	}
	if log := f.Log.String(); strings.Count(log, "file is damaged in the store") != 2 || !strings.Contains(log, made.ID.String()) {
		t.Errorf("the log does not tell: %s", log)
	}
}

func TestAStoreThatIsAwayIsToldAsThat(t *testing.T) {
	t.Parallel()
	f := start(t, file.Limits{})
	ann, content := ids.NewUser(), []byte("hello")
	sent := f.Upload(t, filetest.Announce(ann, file.Plain, content), content)
	made := f.Make(t, ann, file.Plain, content)
	f.Blobs.Fail = func(string) error { return blob.ErrUnavailable }
	_, created := f.Create(t.Context(), filetest.Announce(ann, file.Plain, content))
	_, completed := f.Complete(t.Context(), ann, sent.ID)
	_, opened := f.Open(t.Context(), file.Bytes{File: made.ID}, 0)
	for name, err := range map[string]error{"create": created, "complete": completed, "open": opened} {
		if !errors.Is(err, file.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.Blobs.Fail = nil
	if _, err := f.Complete(t.Context(), ann, sent.ID); err != nil {
		t.Errorf("once it is back: %v", err)
	}
}
