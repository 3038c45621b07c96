// SPDX-License-Identifier: Apache-2.0

package filename_test

import (
	"mime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/parley-chat/parley/services/internal/filename"
)

// names that people have: they come back as they are.
var names = []string{
	"report.pdf", "Quarterly report (final) v2.docx", "会议纪要.docx", "會議記錄（最終版）.pdf", "議事録・最終.xlsx", "ひらがな カタカナ.txt",
	"보고서 최종.hwp", "Отчёт за год.pdf", "Αναφορά έτους.pdf", "تقرير سنوي.pdf", "דוח שנתי.pdf", "รายงานประจำปี.pdf", "वार्षिक रिपोर्ट.pdf",
	"ஆண்டு அறிக்கை.pdf", "წლიური ანგარიში.pdf", "տարեկան զեկույց.pdf", "ዓመታዊ ሪፖርት.pdf", "Phạm Đức – ảnh.jpg", "Zażółć gęślą jaźń.odt",
	"👩‍👩‍👧‍👦 family.png", "🏴󠁧󠁢󠁥󠁮󠁧󠁿.png", ".gitignore", "archive.tar.gz", "no extension", "a;b%20c'd&e.txt", "100%.txt", "“quoted”.txt", "नमस्\u200dते.txt",
	"田中　太郎.txt", "a+b=c.txt", "~$lock.docx", "-rf", "CON", "trailing dot.",
}

func TestNamesInAnyScriptStay(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		name = norm.NFC.String(name) // as the table should be written
		if got := filename.Clean(name); got != name {
			t.Errorf("%q became %q", name, got)
		}
		checkDisposition(t, name, name)
	}
}

func checkDisposition(t *testing.T, name, want string) {
	t.Helper()
	for _, kind := range []filename.Kind{filename.Inline, filename.Attachment} {
		value := filename.Disposition(kind, name)
		for _, r := range value {
			if r < ' ' || r > '~' {
				t.Errorf("%q has %q in a header", value, r)
			}
		}
		got, parameters, err := mime.ParseMediaType(value)
		if err != nil || got != string(kind) || parameters["filename"] != want {
			t.Errorf("%s says %s %q, want %q: %v", value, got, parameters["filename"], want, err)
		}
	}
}

func TestNamesAreMadeSafe(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, in, want string }{
		{"decomposed Hangul", norm.NFD.String("한국어 문서.txt"), "한국어 문서.txt"},
		{"decomposed Latin", "re\u0301sume\u0301.pdf", "résumé.pdf"},
		{"decomposed kana", "か\u3099.txt", "が.txt"},
		{"parts that compose once a control is gone", "e\u202e\u0301.txt", "é.txt"},
		{"an override that hides the extension", "invoice\u202excod.exe", "invoicexcod.exe"},
		{"isolates and marks", "a\u2066b\u2069c\u200ed\u200fe\u061c.txt", "abcde.txt"},
		{"a path up", "../../etc/passwd", "passwd"},
		{"a path of Windows", `C:\Users\x\photo.jpg`, "photo.jpg"},
		{"mixed slashes", `a/b\c/d.txt`, "d.txt"},
		{"a slash at the end", "dir/", "file"},
		{"nothing", "", "file"},
		{"dots", "..", "file"},
		{"dots and spaces", " . . ", "file"},
		{"spaces around", "  a.txt \t", "a.txt"},
		{"a NUL", "a\x00.txt", "a.txt"},
		{"a NUL that hides a path", "..\x00/a.txt", "a.txt"},
		{"line breaks", "a\r\nSet-Cookie: b.txt", "aSet-Cookie: b.txt"},
		{"C1 controls", "a\u0085b\u009b.txt", "ab.txt"},
		{"separators of lines", "a\u2028b\u2029.txt", "ab.txt"},
		{"a byte order mark", "\ufeffa.txt", "a.txt"},
		{"not UTF-8", "a\xff\xfe.txt", "a\ufffd.txt"},
		{"only controls", "\x01\x02\u202e", "file"},
		{"long", strings.Repeat("a", 300) + ".txt", strings.Repeat("a", 251) + ".txt"},
		{"long, in Chinese", strings.Repeat("字", 100) + ".docx", strings.Repeat("字", 83) + ".docx"},
		{"long, cut inside a character", "a" + strings.Repeat("字", 100) + ".txt", "a" + strings.Repeat("字", 83) + ".txt"},
		{"long, of four bytes each", strings.Repeat("😀", 70), strings.Repeat("😀", 63)},
		{"long, and so is what follows the dot", "a." + strings.Repeat("b", 300), "a." + strings.Repeat("b", 253)},
		{"long, marks are not torn off", strings.Repeat("a", 249) + "x\u0323\u0307\u0323\u0307\u0323\u0307.txt", strings.Repeat("a", 249) + ".txt"},
		{"long, a space at the cut", strings.Repeat("a", 250) + "  bbbbbbb.txt", strings.Repeat("a", 250) + ".txt"},
	} {
		if got := filename.Clean(row.in); got != row.want {
			t.Errorf("%s: %q became %q, want %q", row.name, row.in, got, row.want)
		}
		checkDisposition(t, row.in, row.want)
	}
}

func TestDispositionForOldAndNew(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a b.txt":    `attachment; filename="a b.txt"`,
		`a"b.txt`:    `attachment; filename="a_b.txt"; filename*=UTF-8''a%22b.txt`,
		"汉字.txt":     `attachment; filename="__.txt"; filename*=UTF-8''%E6%B1%89%E5%AD%97.txt`,
		"a;b%41.txt": `attachment; filename="a_b_41.txt"; filename*=UTF-8''a%3Bb%2541.txt`,
		"it's.txt":   `attachment; filename="it's.txt"`,
	} {
		if got := filename.Disposition(filename.Attachment, name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, name := range names {
		f.Add(name)
	}
	f.Add(strings.Repeat("a\u0301", 200) + ".e\u0301")
	f.Add(strings.Repeat("\u0301", 200))
	f.Add("\xe2\x80/\u202e..\\")
	f.Fuzz(func(t *testing.T, name string) {
		got := filename.Clean(name)
		if got == "" || len(got) > filename.MaxBytes || !utf8.ValidString(got) || !norm.NFC.IsNormalString(got) || strings.ContainsAny(got, "/\\\x00\r\n") {
			t.Fatalf("%q became %q", name, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Fatalf("%q has %U", got, r)
			}
		}
		if again := filename.Clean(got); again != got {
			t.Fatalf("%q became %q, and that %q", name, got, again)
		}
		checkDisposition(t, name, got)
	})
}
