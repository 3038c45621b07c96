// SPDX-License-Identifier: Apache-2.0

package mediatype_test

import (
	"archive/zip"
	"bytes"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/internal/mediatype"
)

func pictures(t *testing.T) map[string][]byte {
	t.Helper()
	square := image.NewGray(image.Rect(0, 0, 2, 2))
	var p, j, g bytes.Buffer
	for _, err := range []error{png.Encode(&p, square), jpeg.Encode(&j, square, nil), gif.Encode(&g, square, nil)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return map[string][]byte{
		mediatype.PNG: p.Bytes(), mediatype.JPEG: j.Bytes(), mediatype.GIF: g.Bytes(),
		mediatype.WebP: []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"),
	}
}

func archive(t *testing.T) []byte {
	t.Helper()
	var text bytes.Buffer
	w := zip.NewWriter(&text)
	if _, err := w.Create("a.txt"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

func TestOnlyAShortListIsShownInPlace(t *testing.T) {
	t.Parallel()
	for want, content := range pictures(t) {
		seen := mediatype.Sniff(content)
		if seen != want || !mediatype.Inline(seen) || !mediatype.Picture(seen) || mediatype.Served(seen) != want {
			t.Errorf("%s is seen as %s, inline: %t", want, seen, mediatype.Inline(seen))
		}
		// Whatever hangs on behind, a browser is told that it is a picture.
		if seen := mediatype.Sniff(append(bytes.Clone(content), "<script>alert(1)</script>"...)); seen != want {
			t.Errorf("%s with a script is seen as %s", want, seen)
		}
	}
	for name, content := range map[string]string{
		"html":       "<!DOCTYPE html><html><script>alert(1)</script>",
		"html later": "\n\n  <html><body onload=alert(1)>",
		"svg":        `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`,
		"svg of xml": `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`,
		"xml":        `<?xml version="1.0"?><a/>`,
		"pdf":        "%PDF-1.7\n",
		"script":     "#!/bin/sh\nrm -rf /\n",
		"text":       "hello",
		"program":    "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 64),
		"zip":        string(archive(t)),
		"nothing":    "",
		"bytes":      "\x00\x01\x02\x03",
		"bmp":        "BM\x00\x00\x00\x00",
		"tiff":       "II*\x00",
		"icon":       "\x00\x00\x01\x00",
		"half a png": "\x89PNG",
	} {
		seen := mediatype.Sniff([]byte(content))
		if mediatype.Inline(seen) || mediatype.Picture(seen) || mediatype.Served(seen) != mediatype.Unknown {
			t.Errorf("%s is seen as %s, and shown in place", name, seen)
		}
		if strings.ContainsAny(seen, "; ") {
			t.Errorf("%s has parameters: %s", name, seen)
		}
		if _, voice := mediatype.Voice(seen); voice {
			t.Errorf("%s is a voice message", name)
		}
	}
}

func TestWhoLiesAboutAType(t *testing.T) {
	t.Parallel()
	const program = "application/vnd.microsoft.portable-executable"
	for _, row := range []struct {
		declared, seen string
		agrees         bool
	}{
		{"", "text/html", true},
		{"application/octet-stream", "image/png", true},
		{"no type at all", "image/png", true},
		{"image/png", "image/png", true},
		{"image/png", "image/jpeg", false},
		{"image/jpg", "image/jpeg", true},
		{"IMAGE/JPEG; foo=bar", "image/jpeg", true},
		{"image/png", "text/html", false},
		{"image/png", "application/octet-stream", false},
		{"image/gif", "text/html", false},
		{"image/svg+xml", "image/svg+xml", true},
		{"image/x-canon-cr2", "image/tiff", true},
		{"image/heic", "application/octet-stream", true},
		{"image/heic", "text/html", false},
		{"text/plain", "image/png", false},
		{"text/plain", "text/html", true},
		{"text/csv", "text/plain", true},
		{"application/vnd.ms-excel", "text/csv", true},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/zip", true},
		{"application/msword", "application/x-ole-storage", true},
		{"application/pdf", "application/pdf", true},
		{"application/pdf", "text/html", false},
		{"application/msword", program, false},
		{"application/x-msdownload", program, true},
		{"application/zip", "image/gif", false},
		{"audio/webm;codecs=opus", "video/webm", true},
		{"audio/ogg; codecs=opus", "audio/ogg", true},
		{"application/ogg", "audio/ogg", true},
		{"audio/mp4", "video/mp4", true},
		{"audio/x-m4a", "audio/mp4", true},
		{"video/mp4", "video/quicktime", true},
		{"audio/wav", "audio/mpeg", false},
		{"audio/x-wav", "audio/wav", true},
		{"audio/mp3", "audio/mpeg", true},
		{"audio/amr", "application/octet-stream", true},
	} {
		if got := mediatype.Agrees(row.declared, row.seen); got != row.agrees {
			t.Errorf("declared %q, seen %q: agrees %t, want %t", row.declared, row.seen, got, row.agrees)
		}
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte("<html>"), "image/png")
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEfmt "), "audio/wav")
	f.Add([]byte("\x00\x00\x00\x18ftypisom"), "video/mp4")
	f.Fuzz(func(t *testing.T, head []byte, declared string) {
		seen := mediatype.Sniff(head)
		if served := mediatype.Served(seen); served != mediatype.Unknown && served != seen {
			t.Fatalf("seen as %s, served as %s", seen, served)
		}
		if !mediatype.Agrees(seen, seen) || !mediatype.Agrees("", seen) {
			t.Fatalf("%s does not agree with itself", seen)
		}
		mediatype.Agrees(declared, seen)
	})
}
