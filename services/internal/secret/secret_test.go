// SPDX-License-Identifier: Apache-2.0

package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/internal/secret"
)

func TestNoWayToPrintShowsTheValue(t *testing.T) {
	t.Parallel()
	const canary = "hunter2-canary"
	s := secret.New(canary)
	holder := struct{ Password secret.String }{s}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "password", s, "holder", holder)
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		log.WriteString(fmt.Sprintf(verb, s) + fmt.Sprintf(verb, holder))
	}
	log.Write(encoded)
	if strings.Contains(log.String(), canary) || strings.Contains(log.String(), fmt.Sprintf("%x", canary)) {
		t.Fatalf("the secret was printed: %s", log.String())
	}
	if s.Reveal() != canary {
		t.Fatal("Reveal lost the value")
	}
}

func TestUnmarshalTakesTheValue(t *testing.T) {
	t.Parallel()
	var s secret.String
	if !s.IsZero() {
		t.Fatal("a new secret is not empty")
	}
	if err := s.UnmarshalText([]byte("value")); err != nil || s.Reveal() != "value" {
		t.Fatalf("got %q, %v", s.Reveal(), err)
	}
}
