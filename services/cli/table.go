// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/text/width"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// output is how a command prints what it found.
type output struct {
	format string // flag
}

func (o *output) flags(command *cobra.Command) {
	command.PersistentFlags().StringVarP(&o.format, "output", "o", "table", "table, or json: one object a line")
}

func (o *output) check(cmd *cobra.Command) error {
	if o.format != "table" && o.format != "json" {
		return usage(cmd, "there is no output %q: table or json", o.format)
	}
	return nil
}

// table is rows below a header.
type table struct {
	header []string
	rows   [][]string
}

// print writes messages as JSON lines, or a table of them.
func (o *output) print(out io.Writer, messages []proto.Message, t table) error {
	if o.format == "json" {
		for _, m := range messages {
			if err := printJSON(out, m); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := io.WriteString(out, t.String())
	return err
}

// printJSON writes one line; protojson varies its spaces on purpose, json.Compact ends that.
func printJSON(out io.Writer, m proto.Message) error {
	text, err := protojson.Marshal(m)
	if err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", line)
	return err
}

// String lines columns up as they look: a Chinese character is as wide as two letters.
func (t table) String() string {
	all := append([][]string{t.header}, t.rows...)
	widths := make([]int, len(t.header))
	for _, row := range all {
		for i := range row {
			row[i] = shown(row[i])
			widths[i] = max(widths[i], columns(row[i]))
		}
	}
	var text strings.Builder
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			line.WriteString(strings.Repeat(" ", widths[i]-columns(cell)+2))
		}
		text.WriteString(strings.TrimRight(line.String(), " "))
		text.WriteString("\n")
	}
	return text.String()
}

// shown leaves out what would steer a terminal; an empty cell shows as a dash.
func shown(text string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return ' '
		case unicode.IsControl(r), r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return -1
		}
		return r
	}, text)
	if clean == "" {
		return "-"
	}
	return clean
}

// columns that a text takes on a terminal.
func columns(text string) int {
	n := 0
	for _, r := range text {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r):
		case kind == width.EastAsianWide, kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// stamp shows a time in ms; 0 is none.
func stamp(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05Z")
}
