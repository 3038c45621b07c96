// SPDX-License-Identifier: Apache-2.0

// Package mediatype tells what bytes are, whatever somebody says they are.
//
// What bytes are decides whether a browser may show them in place. Only a short list may be; everything else
// is octets to be saved.
package mediatype

import (
	"mime"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// SniffBytes is how much of the begin of a file Sniff looks at.
const SniffBytes = 4096

// Unknown is the type of bytes that nobody may make anything of.
const Unknown = "application/octet-stream"

// Types that are looked into elsewhere.
const (
	PNG  = "image/png"
	JPEG = "image/jpeg"
	GIF  = "image/gif"
	WebP = "image/webp"

	WAV       = "audio/wav"
	MP3       = "audio/mpeg"
	AAC       = "audio/aac"
	AudioMP4  = "audio/mp4"
	AudioOgg  = "audio/ogg"
	AudioWebM = "audio/webm"

	videoMP4  = "video/mp4"
	videoOgg  = "video/ogg"
	videoWebM = "video/webm"
)

// Sniff tells the type of a file from its first bytes, without parameters and by its usual name. Unknown if
// it tells nothing.
func Sniff(head []byte) string {
	return usual(mimetype.Detect(head[:min(len(head), SniffBytes)]).String())
}

// Inline tells whether a browser may show what Sniff found to be of this type.
func Inline(seen string) bool {
	switch seen {
	case PNG, JPEG, GIF, WebP, WAV, MP3, AudioMP4, AudioOgg, AudioWebM, videoMP4, videoOgg, videoWebM:
		return true
	default:
		return false
	}
}

// Served is the type under which bytes leave: what was seen if it is shown in place, else Unknown.
func Served(seen string) string {
	if Inline(seen) {
		return seen
	}
	return Unknown
}

// Picture tells whether bytes of this type are a picture that can be part of a message.
func Picture(seen string) bool { return slices.Contains([]string{PNG, JPEG, GIF, WebP}, seen) }

// Voice tells whether bytes of this type can be a voice message, and of which type that is: a container that
// may have pictures too is taken for one that has none.
func Voice(seen string) (audio string, ok bool) {
	switch audio = asAudio(seen); audio {
	case WAV, MP3, AAC, AudioMP4, AudioOgg, AudioWebM:
		return audio, true
	default:
		return "", false
	}
}

// Agrees tells whether a file may be what its sender says, now that its bytes were seen. No claim is none.
// Who claims something that is shown in place has to keep it; for all else it is enough that the bytes are
// nothing that is better known.
func Agrees(declared, seen string) bool {
	declared = usual(declared)
	switch {
	case declared == Unknown, asAudio(declared) == asAudio(seen):
		return true
	case Inline(declared), Inline(seen), declared == "application/pdf", isProgram(seen):
		return false
	case isMedia(declared):
		return isMedia(seen) || seen == Unknown
	default:
		return true
	}
}

func isMedia(name string) bool {
	top, _, _ := strings.Cut(name, "/")
	return top == "image" || top == "audio" || top == "video"
}

// isProgram tells what a machine runs as it is.
func isProgram(seen string) bool {
	switch seen {
	case "application/vnd.microsoft.portable-executable", "application/x-elf", "application/x-executable", "application/x-sharedlib",
		"application/x-object", "application/x-coredump", "application/x-mach-binary", "application/wasm", "application/x-ms-installer":
		return true
	default:
		return false
	}
}

// usual is the name under which a type is known here: in lower case, without parameters, one of several.
func usual(name string) string {
	parsed, _, err := mime.ParseMediaType(name)
	if err != nil {
		return Unknown
	}
	switch parsed {
	case "image/jpg", "image/pjpeg":
		return JPEG
	case "image/x-png", "image/apng", "image/vnd.mozilla.apng":
		return PNG
	case "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/x-pn-wav":
		return WAV
	case "audio/mp3", "audio/x-mp3", "audio/mpeg3", "audio/x-mpeg", "audio/x-mpeg-3":
		return MP3
	case "audio/x-aac", "audio/aacp", "audio/x-hx-aac-adts":
		return AAC
	case "audio/x-m4a", "audio/m4a":
		return AudioMP4
	case "video/x-m4v":
		return videoMP4
	case "application/ogg", "audio/opus", "audio/vorbis":
		return AudioOgg
	case "application/x-msdownload", "application/x-msdos-program", "application/x-dosexec":
		return "application/vnd.microsoft.portable-executable"
	default:
		return parsed
	}
}

// asAudio makes types the same that differ only in whether there is a moving picture too, or in how old the
// description of the container is.
func asAudio(name string) string {
	switch name {
	case videoMP4, "video/quicktime", "video/3gpp", "audio/3gpp", "video/3gpp2", "audio/3gpp2":
		return AudioMP4
	case videoOgg:
		return AudioOgg
	case videoWebM, "video/x-matroska", "audio/x-matroska":
		return AudioWebM
	default:
		return name
	}
}
