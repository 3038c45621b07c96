// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/parley-chat/parley/api/component"
)

// keptFields of a log line: none of them may hold what a person wrote. Ids of people are left out too.
func keptFields() []string {
	return []string{
		"time", "level", "msg", "component", "error", "request_id", "routing_key", "pod", "method", "size_bytes",
		"sessions", "rows", "reason", "part", "overdue", "events", "took", "outcome", "ring_epoch", "seat",
	}
}

var (
	// userinfo is the part of an address before the @: user and password.
	userinfo = regexp.MustCompile(`[^\s/@"']+:[^\s@]*@`)
	// quoted text in an error repeats what somebody else has sent.
	quoted = regexp.MustCompile("\"[^\"]*\"|'[^']*'|`[^`]*`")
	// named values: password=…, token: …
	named = regexp.MustCompile(`(?i)\b(pass(?:word|wd)?|secret|token|key|authorization|bearer|dsn)\b\s*[:= ]\s*\S+`)
	// frame is a line of a Go stack that holds no value.
	frame = regexp.MustCompile(`^(goroutine \d+ \[[a-z ]+\]:|\t\S+\.go:\d+( \+0x[0-9a-f]+)?)$`)
)

// redactLog keeps of each line that the program wrote the known fields, and of foreign lines only the
// frames of a stack: a crash says where it was, not with which values.
func redactLog(content []byte) []byte {
	var out bytes.Buffer
	foreign := 0
	for line := range bytes.Lines(content) {
		line = bytes.TrimRight(line, "\r\n")
		kept := redactLine(line)
		if kept == "" {
			foreign++
			continue
		}
		tellForeign(&out, &foreign)
		out.WriteString(kept + "\n")
	}
	tellForeign(&out, &foreign)
	return out.Bytes()
}

func tellForeign(out *bytes.Buffer, count *int) {
	if *count > 0 {
		fmt.Fprintf(out, "(%d lines left out)\n", *count)
		*count = 0
	}
}

// redactLine answers "" for a line that must not be shown.
func redactLine(line []byte) string {
	if frame.Match(line) {
		return string(line)
	}
	var fields map[string]any
	if json.Unmarshal(line, &fields) != nil || !isOurs(fields) {
		return ""
	}
	kept := map[string]any{}
	for key, value := range fields {
		if slices.Contains(keptFields(), key) {
			kept[key] = redactValue(value)
		}
	}
	if stack, ok := fields["stack"].(string); ok {
		kept["stack"] = framesOf(stack)
	}
	if count := len(fields) - len(kept); count > 0 {
		kept["left_out"] = count
	}
	text, err := json.Marshal(kept) // sorted by key
	if err != nil {
		return ""
	}
	return string(text)
}

// isOurs tells lines of our logger, whose messages are constants.
func isOurs(fields map[string]any) bool {
	name, ok := fields["component"].(string)
	if !ok || fields["time"] == nil || fields["level"] == nil {
		return false
	}
	return slices.Contains(append(component.All(), component.Jobs()...), component.Name(name))
}

func redactValue(value any) any {
	switch v := value.(type) {
	case string:
		v = userinfo.ReplaceAllString(v, leftOut+"@")
		v = quoted.ReplaceAllString(v, "("+leftOut+")")
		return named.ReplaceAllString(v, "$1 ("+leftOut+")")
	case float64, bool:
		return v
	default: // what is nested has names of its own
		return leftOut
	}
}

func framesOf(stack string) string {
	var kept []string
	for line := range strings.Lines(stack) {
		if line = strings.TrimRight(line, "\n"); frame.MatchString(line) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
