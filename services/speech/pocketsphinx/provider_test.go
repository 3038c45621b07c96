// SPDX-License-Identifier: Apache-2.0

package pocketsphinx_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/speech"
	"github.com/parley-chat/parley/services/speech/audio"
	"github.com/parley-chat/parley/services/speech/pocketsphinx"
	"github.com/parley-chat/parley/services/speech/speechtest"
)

// program makes an executable of a script.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatTheProgramSaysIsRead(t *testing.T) {
	t.Parallel()
	for output, want := range map[string]speech.Transcript{
		"": {},
		"hello world\n<s> 0.000 0.130 1.000000\nhello(2) 0.140 0.560 1.000100\nworld 0.570 0.790 0.5\n[NOISE] 1.0 1.1 0.1\n</s> 1.820 1.920 1.0\n": {Text: "hello world", Language: "en", Confidence: 0.75},
		"1 2 3 4\none 1 2 3\nNaN NaN NaN NaN\nx 0.1 0.2 9.0\n": {Text: "x", Language: "en", Confidence: 1},
	} {
		p := pocketsphinx.New(program(t, "cat >/dev/null; printf '%s' '"+output+"'"), 1)
		if got, err := p.Recognize(t.Context(), speech.Piece{Sound: speechtest.Sound(time.Second)}); err != nil || got != want {
			t.Errorf("%q: %+v, %v", output, got, err)
		}
	}
}

func TestAProgramThatFailsIsUnavailable(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"fails": "exit 1", "never ends": "exec sleep 60", "says too much": "yes hello | head -c 1000000", "is not there": "",
	} {
		path := program(t, script)
		if script == "" {
			path += "-not"
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		_, err := pocketsphinx.New(path, 1).Recognize(ctx, speech.Piece{Sound: speechtest.Sound(time.Second)})
		cancel()
		if !errors.Is(err, speech.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// installed answers the paths of programs; CI demands them.
func installed(t *testing.T, names ...string) []string {
	t.Helper()
	var paths []string
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") != "" {
				t.Fatalf("needs %s; make deps installs it", name)
			}
			t.Skipf("needs %s; make deps installs it", name)
		}
		paths = append(paths, path)
	}
	return paths
}

// Flite speaks, PocketSphinx hears: as WAV, and in the formats of browsers and phones.
func TestF21_WhatAMachineSaysAnotherUnderstands(t *testing.T) {
	t.Parallel()
	programs := installed(t, "flite", "pocketsphinx_continuous", "ffmpeg")
	flite, sphinx, ffmpeg := programs[0], programs[1], programs[2]
	dir := t.TempDir()
	spoken := filepath.Join(dir, "spoken.wav")
	run(t, flite, "-voice", "slt", "-t", "hello world how are you today", "-o", spoken)
	for name, format := range map[string]speech.Format{"spoken.wav": speech.WAV, "a.webm": speech.WebM, "a.mp3": speech.MP3, "a.m4a": speech.MP4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, name)
			if path != spoken {
				args := []string{"-loglevel", "error", "-i", spoken, path}
				if format == speech.WebM {
					args = []string{"-loglevel", "error", "-i", spoken, "-c:a", "libopus", path}
				}
				run(t, ffmpeg, args...)
			}
			bytes, err := os.ReadFile(path)
			if err != nil || speech.Sniff(bytes) != format {
				t.Fatalf("format %d: %v", speech.Sniff(bytes), err)
			}
			sound, err := audio.Converter{FFmpeg: ffmpeg}.Convert(t.Context(), speech.Recording{Format: format, Bytes: bytes}, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			got, err := pocketsphinx.New(sphinx, 2).Recognize(t.Context(), speech.Piece{Sound: sound})
			if err != nil || !strings.Contains(got.Text, "hello world") || got.Language != "en" || got.Confidence <= 0.5 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func run(t *testing.T, path string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", path, err, out)
	}
}
