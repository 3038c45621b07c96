// SPDX-License-Identifier: Apache-2.0

package file

import "time"

// Limits of what people may upload; zero fields take the defaults.
type Limits struct {
	// FileBytes of one file, 100 MiB; ImageBytes of one picture, 10 MiB; VoiceBytes of one recording, 10 MiB.
	FileBytes, ImageBytes, VoiceBytes int64
	// DailyBytes and DailyFiles of one person in a day (UTC): 1 GiB and 500.
	DailyBytes int64
	DailyFiles int
}

const (
	mebibyte = 1 << 20
	// uploadLife is how long an upload may take, and how long a complete file may stay uncited.
	uploadLife  = 24 * time.Hour
	uncitedLife = 24 * time.Hour
	// rowLife is how long the row of a removed file is kept: longer than any request may take that still writes
	// its bytes.
	rowLife = 24 * time.Hour
	// linkLife of a link.
	linkLife = 60 * time.Second
	// putLife is how long a presigned request may begin to write.
	putLife = 5 * time.Minute
)

func (l Limits) withDefaults() Limits {
	for _, field := range []struct {
		value *int64
		usual int64
	}{
		{&l.FileBytes, 100 * mebibyte}, {&l.ImageBytes, 10 * mebibyte}, {&l.VoiceBytes, 10 * mebibyte}, {&l.DailyBytes, 1 << 30},
	} {
		if *field.value <= 0 {
			*field.value = field.usual
		}
	}
	if l.DailyFiles <= 0 {
		l.DailyFiles = 500
	}
	return l
}

// bytes is the limit of one file.
func (l Limits) bytes(p Purpose) int64 {
	switch p {
	case Image, Avatar:
		return l.ImageBytes
	case Voice:
		return l.VoiceBytes
	case Plain:
		return l.FileBytes
	default:
		return 0
	}
}
