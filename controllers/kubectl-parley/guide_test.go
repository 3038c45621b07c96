// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/component"
)

const guideFile = "../../docs/operations.md"

// TestGuideTellsWhoMayCallWhom: the table of the guide is the pair list of api/component.
func TestGuideTellsWhoMayCallWhom(t *testing.T) {
	t.Parallel()
	guide := read(t, guideFile)
	for _, name := range component.All() {
		row := fmt.Sprintf("| %s, %d | %s |", name, component.RPCPort, join(component.Callers(name)))
		if len(component.Callers(name)) > 0 && !strings.Contains(guide, row) {
			t.Errorf("%s lacks the row %s", guideFile, row)
		}
	}
	var watchers []component.Name
	for _, name := range component.All() {
		if component.WatchesRing(name) {
			watchers = append([]component.Name{name}, watchers...)
		}
	}
	row := fmt.Sprintf("| the API server, 443 and 6443 | %s |", join(watchers))
	if !strings.Contains(guide, row) {
		t.Errorf("%s lacks the row %s", guideFile, row)
	}
}

func join(names []component.Name) string {
	var list []string
	for _, name := range names {
		list = append(list, string(name))
	}
	return strings.Join(list, ", ")
}

// TestDocumentsGiveFlagsThatExist reads the command lines of the plugin.
func TestDocumentsGiveFlagsThatExist(t *testing.T) {
	t.Parallel()
	lines := 0
	for _, file := range []string{guideFile, "../../README.md"} {
		for _, m := range regexp.MustCompile("(?m)(?:^|`) *kubectl parley ([^`\\n]*)").FindAllStringSubmatch(read(t, file), -1) {
			lines++
			given, _, _ := strings.Cut(m[1], " #")
			command, rest, err := newRoot(io.Discard, moment).Find(strings.Fields(given))
			if err == nil {
				err = command.ParseFlags(rest)
			}
			if err != nil {
				t.Errorf("%s: kubectl parley %s: %v", file, given, err)
			}
		}
	}
	if lines < 10 {
		t.Errorf("%d command lines were found", lines)
	}
}

// TestGuideUsesCommandsThatExist: a command of the plugin in the guide is one that help shows.
func TestGuideUsesCommandsThatExist(t *testing.T) {
	t.Parallel()
	help := read(t, "testdata/help.golden")
	used := regexp.MustCompile("kubectl parley (?:-n [a-z]+ )?([a-z]+)").FindAllStringSubmatch(read(t, guideFile), -1)
	if len(used) == 0 {
		t.Fatal("the guide uses no command of the plugin")
	}
	for _, command := range used {
		if !strings.Contains(help, "\n  "+command[1]+" ") {
			t.Errorf("%s uses %q, which does not exist", guideFile, command[0])
		}
	}
}
