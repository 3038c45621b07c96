// SPDX-License-Identifier: Apache-2.0

// Package pocketsphinx reads English speech without a network, by the program pocketsphinx_continuous.
package pocketsphinx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/services/internal/childprocess"
	"github.com/parley-chat/parley/services/speech"
)

const (
	// program of the Debian package pocketsphinx; the model is that of pocketsphinx-en-us.
	program = "pocketsphinx_continuous"
	// maxPiece bounds memory and time of one child.
	maxPiece = 60 * time.Second
	// maxOutput is far above what anybody says in a minute.
	maxOutput = 256 << 10
	// wordFields of a line: word, start, end, confidence.
	wordFields = 4
)

// Find is the path of the program: the one that is named, else the one that is installed, else empty.
func Find(named string) string {
	if named == "" {
		named = program
	}
	path, err := exec.LookPath(named)
	if err != nil {
		return ""
	}
	return path
}

// Provider implements speech.Provider.
type Provider struct {
	path  string
	slots chan struct{} // a child takes a processor and 150 MB
}

// New makes a provider that runs so many children at once.
func New(path string, parallel int) *Provider {
	return &Provider{path: path, slots: make(chan struct{}, max(parallel, 1))}
}

// Abilities of the program: sound only.
func (*Provider) Abilities() speech.Abilities { return speech.Abilities{MaxPiece: maxPiece} }

// Recognize runs the program once. It understands English, whatever language is asked for.
func (p *Provider) Recognize(ctx context.Context, piece speech.Piece) (speech.Transcript, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return speech.Transcript{}, ctx.Err()
	}
	output, err := childprocess.Run(ctx, childprocess.Command{
		Path: p.path, Args: []string{"-infile", "/dev/stdin", "-time", "yes", "-logfn", "/dev/null"},
		Input: bytes.NewReader(piece.Sound), MaxOutput: maxOutput,
	})
	switch {
	case errors.Is(err, context.Canceled):
		return speech.Transcript{}, err
	case errors.Is(err, context.DeadlineExceeded):
		return speech.Transcript{}, speech.ErrUnavailable.Because(fmt.Errorf("%s took too long: %w", program, err))
	case err != nil:
		return speech.Transcript{}, speech.ErrUnavailable.Because(err)
	}
	return parse(string(output)), nil
}

// parse reads the lines of words; lines that repeat a whole sentence, and marks such as <sil> and [NOISE], are
// left out. A number in brackets is a way to pronounce a word.
func parse(output string) speech.Transcript {
	var words []string
	var sum float64
	for line := range strings.Lines(output) {
		word, confidence, ok := readWord(line)
		if !ok {
			continue
		}
		words = append(words, word)
		sum += confidence
	}
	if len(words) == 0 {
		return speech.Transcript{}
	}
	return speech.Transcript{Text: strings.Join(words, " "), Language: "en", Confidence: sum / float64(len(words))}
}

func readWord(line string) (word string, confidence float64, ok bool) {
	fields := strings.Fields(line)
	if len(fields) != wordFields {
		return "", 0, false
	}
	var numbers [wordFields - 1]float64
	for i := range numbers {
		v, err := strconv.ParseFloat(fields[i+1], 64)
		if err != nil || math.IsNaN(v) || !strings.Contains(fields[i+1], ".") {
			return "", 0, false
		}
		numbers[i] = v
	}
	word, _, _ = strings.Cut(fields[0], "(")
	if word == "" || strings.ContainsAny(word[:1], "<[+") {
		return "", 0, false
	}
	return word, min(max(numbers[2], 0), 1), true
}
