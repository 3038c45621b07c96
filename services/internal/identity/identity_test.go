// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/api/component"
	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	identityv1 "github.com/parley-chat/parley/api/gen/parley/identity/v1"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
)

var now = time.UnixMilli(1_700_000_000_123)

func person() identity.Caller {
	return identity.Caller{
		Issuer:         component.Gateway,
		UserID:         ids.NewUser(),
		LoginSessionID: ids.NewLoginSession(),
		DeviceID:       ids.NewDevice(),
		RequestID:      "request-1",
		ClientAddress:  "203.0.113.7",
		Role:           accessv1.Role_ROLE_MODERATOR,
		ReceiptsHidden: true,
	}
}

func sign(t *testing.T, keys identity.Keys, caller identity.Caller, audience component.Name) string {
	t.Helper()
	header, err := keys.Sign(caller, audience, now)
	if err != nil {
		t.Fatal(err)
	}
	return header
}

func TestACallerGoesThroughAHeader(t *testing.T) {
	t.Parallel()
	keys := identity.GenerateKeys(component.All()...)
	alone := person()
	alone.LoginSessionID, alone.DeviceID = ids.LoginSessionID{}, ids.DeviceID{}
	for name, want := range map[string]identity.Caller{
		"a user's call":                     person(),
		"a user without session and device": alone,
		"a call without a user":             {Issuer: component.Gateway, RequestID: "r"},
		"a call without anything":           {Issuer: component.Gateway},
	} {
		header := sign(t, keys[component.Gateway], want, component.Message)
		got, err := keys[component.Message].Verify(header, component.Message, now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTheIssuerIsTheOwnerOfTheKeys(t *testing.T) {
	t.Parallel()
	keys := identity.GenerateKeys(component.All()...)
	header := sign(t, keys[component.Friend], person(), component.User)
	got, err := keys[component.User].Verify(header, component.User, now)
	if err != nil || got.Issuer != component.Friend {
		t.Fatalf("got issuer %q, %v", got.Issuer, err)
	}
}

func TestARefusedHeader(t *testing.T) {
	t.Parallel()
	keys := identity.GenerateKeys(component.All()...)
	strangers := identity.GenerateKeys(component.All()...)
	good := sign(t, keys[component.Gateway], person(), component.Message)
	raw, err := base64.StdEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	var signed identityv1.Signed
	if err := proto.Unmarshal(raw, &signed); err != nil {
		t.Fatal(err)
	}
	forge := func(change func(*identityv1.Claims)) string {
		var claims identityv1.Claims
		if err := proto.Unmarshal(signed.GetClaims(), &claims); err != nil {
			t.Fatal(err)
		}
		change(&claims)
		body, _ := proto.Marshal(&claims)
		text, _ := proto.Marshal(&identityv1.Signed{Claims: body, Signature: signed.GetSignature()})
		return base64.StdEncoding.EncodeToString(text)
	}
	for name, row := range map[string]struct {
		header string
		self   component.Name
		at     time.Time
	}{
		"an empty header":               {"", component.Message, now},
		"text that is not base64":       {"%%%", component.Message, now},
		"base64 of nonsense":            {"AAAA", component.Message, now},
		"a header cut short":            {good[:len(good)-8], component.Message, now},
		"a header with a space behind":  {good + " ", component.Message, now},
		"ten thousand bytes":            {strings.Repeat("A", 10_000), component.Message, now},
		"another component's header":    {good, component.User, now},
		"a header after 30 s":           {good, component.Message, now.Add(30 * time.Second)},
		"a header from the far future":  {good, component.Message, now.Add(-6 * time.Second)},
		"a stranger's signature":        {sign(t, strangers[component.Gateway], person(), component.Message), component.Message, now},
		"another user, same signature":  {forge(func(c *identityv1.Claims) { c.UserId = ids.NewUser().String() }), component.Message, now},
		"a higher role":                 {forge(func(c *identityv1.Claims) { c.Role = accessv1.Role_ROLE_OWNER }), component.Message, now},
		"another issuer":                {forge(func(c *identityv1.Claims) { c.Issuer = "friend" }), component.Message, now},
		"an issuer that does not exist": {forge(func(c *identityv1.Claims) { c.Issuer = "nobody" }), component.Message, now},
		"a longer life":                 {forge(func(c *identityv1.Claims) { c.ExpiresAt += 1000 }), component.Message, now},
	} {
		caller, err := keys[component.Message].Verify(row.header, row.self, row.at)
		if !errors.Is(err, identity.ErrRefused) || fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(identity.Caller{}, caller); diff != "" {
			t.Errorf("%s: a caller came out: %s", name, diff)
		}
	}
}

func TestAHeaderIsGoodUntilItsLastMoment(t *testing.T) {
	t.Parallel()
	keys := identity.GenerateKeys(component.All()...)
	header := sign(t, keys[component.Gateway], person(), component.Message)
	for _, at := range []time.Time{now.Add(-5 * time.Second), now, now.Add(30*time.Second - time.Millisecond)} {
		if _, err := keys[component.Message].Verify(header, component.Message, at); err != nil {
			t.Errorf("at %s: %v", at.Sub(now), err)
		}
	}
}

func TestKeysThatWereNeverLoaded(t *testing.T) {
	t.Parallel()
	var none identity.Keys
	if !none.IsZero() || identity.GenerateKeys(component.User)[component.User].IsZero() {
		t.Fatal("IsZero is wrong")
	}
	if _, err := none.Sign(person(), component.User, now); err == nil {
		t.Error("keys without a private half have signed")
	}
	header := sign(t, identity.GenerateKeys(component.Gateway)[component.Gateway], person(), component.User)
	if _, err := none.Verify(header, component.User, now); !errors.Is(err, identity.ErrRefused) {
		t.Errorf("keys without public halves believe: %v", err)
	}
}

func TestKeysDoNotPrint(t *testing.T) {
	t.Parallel()
	keys := identity.GenerateKeys(component.User)[component.User]
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("keys", "keys", keys)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		_, _ = fmt.Fprintf(&log, verb, keys)
	}
	if got := strings.Count(log.String(), "redacted"); got != 5 {
		t.Fatalf("printed %q", log.String())
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	if got := identity.FromContext(t.Context()); !got.UserID.IsZero() || got.Issuer != "" {
		t.Fatalf("an empty context holds %+v", got)
	}
	want := person()
	ctx, cancel := context.WithCancel(identity.NewContext(t.Context(), want))
	defer cancel()
	if diff := cmp.Diff(want, identity.FromContext(ctx)); diff != "" {
		t.Fatal(diff)
	}
}

func TestKeyFilesGoRound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := identity.WriteKeys(dir); err != nil {
		t.Fatal(err)
	}
	want := []string{"page-token", "file-link"}
	for _, name := range component.All() {
		want = append(want, "identity-"+string(name)+".private", "identity-"+string(name)+".public")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(want) {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	for _, name := range want {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	gateway, message := load(t, dir, component.Gateway), load(t, dir, component.Message)
	if gateway.Self() != component.Gateway {
		t.Errorf("self is %q", gateway.Self())
	}
	header := sign(t, gateway, person(), component.Message)
	if _, err := message.Verify(header, component.Message, now); err != nil {
		t.Error(err)
	}
	if key, err := identity.LoadPageKey(dir); err != nil || len(key) != 32 {
		t.Errorf("page key of %d bytes, %v", len(key), err)
	}
}

func load(t *testing.T, dir string, self component.Name) identity.Keys {
	t.Helper()
	keys, err := identity.LoadKeys(dir, self)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestKeysAreNeverWrittenOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "identity-user.public")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := identity.WriteKeys(dir); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("got %v", err)
	}
	text, _ := os.ReadFile(path)
	entries, _ := os.ReadDir(dir)
	if string(text) != "mine" || len(entries) != 1 {
		t.Fatalf("the folder was changed: %q, %d files", text, len(entries))
	}
}

func TestThePreviousKeyIsStillBelieved(t *testing.T) {
	t.Parallel()
	older, newer := t.TempDir(), t.TempDir()
	for _, dir := range []string{older, newer} {
		if err := identity.WriteKeys(dir); err != nil {
			t.Fatal(err)
		}
	}
	header := sign(t, load(t, older, component.Gateway), person(), component.User)
	if _, err := load(t, newer, component.User).Verify(header, component.User, now); err == nil {
		t.Fatal("a key of another folder is believed")
	}
	text, err := os.ReadFile(filepath.Join(older, "identity-gateway.public"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(newer, "previous-identity-gateway.public"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	keys := load(t, newer, component.User)
	if _, err := keys.Verify(header, component.User, now); err != nil {
		t.Errorf("the previous key is refused: %v", err)
	}
	header = sign(t, load(t, newer, component.Gateway), person(), component.User)
	if _, err := keys.Verify(header, component.User, now); err != nil {
		t.Errorf("the current key is refused: %v", err)
	}
}

func TestFilesThatHoldNoKey(t *testing.T) {
	t.Parallel()
	short := base64.StdEncoding.EncodeToString([]byte("short"))
	for name, row := range map[string]struct{ file, text string }{
		"a private key that is not base64": {"identity-user.private", "%%%"},
		"a private key that is too short":  {"identity-user.private", short},
		"an empty public key":              {"identity-friend.public", ""},
		"a public key with two newlines":   {"identity-friend.public", short + "\n\n"},
		"a previous key that is broken":    {"previous-identity-message.public", "x"},
		"a file of 10 kB":                  {"identity-user.private", strings.Repeat("A", 10_000)},
	} {
		dir := t.TempDir()
		if err := identity.WriteKeys(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, row.file), []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := identity.LoadKeys(dir, component.User)
		if err == nil || !strings.Contains(err.Error(), row.file) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && row.text != "" && strings.Contains(err.Error(), row.text) {
			t.Errorf("%s: the error quotes the file", name)
		}
	}
}

func TestAMissingFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "absent")
	if _, err := identity.LoadKeys(dir, component.User); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("keys: %v", err)
	}
	if _, err := identity.LoadPageKey(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("page key: %v", err)
	}
	if err := identity.WriteKeys(dir); err == nil {
		t.Error("keys were written into a folder that does not exist")
	}
}

func FuzzVerify(f *testing.F) {
	keys := identity.GenerateKeys(component.All()...)
	header, _ := keys[component.Gateway].Sign(person(), component.User, now)
	f.Add(header)
	f.Add("")
	f.Add("CgA=")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := keys[component.User].Verify(text, component.User, now)
		if err == nil && text != header {
			t.Fatalf("believed %q", text)
		}
		if err != nil && !errors.Is(err, identity.ErrRefused) {
			t.Fatal(err)
		}
	})
}
