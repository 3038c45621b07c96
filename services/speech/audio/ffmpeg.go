// SPDX-License-Identifier: Apache-2.0

package audio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/parley-chat/parley/services/internal/childprocess"
	"github.com/parley-chat/parley/services/speech"
)

// convertFor bounds a conversion; five minutes of sound take about a second.
const convertFor = 60 * time.Second

// FindFFmpeg is the path of the program: the one that is named, else the one that is installed, else empty.
func FindFFmpeg(named string) string {
	if named == "" {
		named = "ffmpeg"
	}
	path, err := exec.LookPath(named)
	if err != nil {
		return ""
	}
	return path
}

// demuxer is the only reader that ffmpeg may use for a format. Guessing would let a playlist name files and
// addresses.
func demuxer(f speech.Format) string {
	switch f {
	case speech.WAV:
		return "wav"
	case speech.WebM:
		return "matroska"
	case speech.Ogg:
		return "ogg"
	case speech.MP4:
		return "mov"
	case speech.ADTS:
		return "aac"
	case speech.MP3:
		return "mp3"
	case speech.UnknownFormat:
	}
	return ""
}

// run converts by ffmpeg.
func (c Converter) run(ctx context.Context, r speech.Recording, longest time.Duration) (speech.PCM, error) {
	reader := demuxer(r.Format)
	switch {
	case reader == "":
		return nil, speech.Unfit(speech.WhyFormat)
	case c.FFmpeg == "":
		return nil, speech.ErrNoConverter
	}
	input, protocol := "pipe:0", "pipe"
	command := childprocess.Command{Path: c.FFmpeg, Input: bytes.NewReader(r.Bytes)}
	if r.Format == speech.MP4 { // its table of contents may lie at the end
		file, remove, err := store(r.Bytes)
		if err != nil {
			return nil, speech.ErrUnavailable.Because(fmt.Errorf("a folder for temporary files: %w", err))
		}
		defer remove()
		input, protocol, command.Input = "file:"+file, "file", nil
	}
	// A second more than allowed shows that there is more.
	limit := longest + time.Second
	command.Args = []string{
		"-hide_banner", "-loglevel", "error", "-nostdin", "-threads", "1",
		"-protocol_whitelist", protocol, "-f", reader, "-i", input,
		"-map", "0:a:0", "-vn", "-sn", "-dn", "-t", strconv.FormatFloat(limit.Seconds(), 'f', 3, 64),
		"-ac", "1", "-ar", strconv.Itoa(speech.SampleRate), "-f", "s16le", "-protocol_whitelist", "pipe", "pipe:1",
	}
	command.MaxOutput = speech.Bytes(limit + time.Second)
	ctx, cancel := context.WithTimeout(ctx, convertFor)
	defer cancel()
	return verdict(ctx, command, longest)
}

func verdict(ctx context.Context, command childprocess.Command, longest time.Duration) (speech.PCM, error) {
	output, err := childprocess.Run(ctx, command)
	sound := speech.PCM(output)
	switch {
	case errors.Is(err, context.Canceled):
		return nil, err
	case errors.Is(err, context.DeadlineExceeded):
		return nil, speech.Unfit(speech.WhyDamaged).Because(errors.New("ffmpeg took too long"))
	case err != nil:
		return nil, speech.Unfit(speech.WhyDamaged).Because(err)
	case len(sound) == 0:
		return nil, speech.Unfit(speech.WhyDamaged).Because(errors.New("there is no sound in it"))
	case sound.Duration() > longest+longest/100: // codecs round up
		return nil, speech.Unfit(speech.WhyTooLong)
	}
	return sound, nil
}

// store writes a file that only this user reads.
func store(b []byte) (name string, remove func(), err error) {
	file, err := os.CreateTemp("", "parley-speech-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.Remove(file.Name()) }
	_, err = file.Write(b)
	if err = errors.Join(err, file.Close()); err != nil {
		remove()
		return "", nil, err
	}
	return file.Name(), remove, nil
}
