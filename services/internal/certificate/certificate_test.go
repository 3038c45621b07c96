// SPDX-License-Identifier: Apache-2.0

package certificate_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/certificate/certificatetest"
)

// meet connects with the files to a server that says one byte.
func meet(t *testing.T, server *tls.Config, files certificate.Files, host string) error {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			_, _ = conn.Write([]byte("x"))
			_ = conn.Close()
		}
	}()
	config, err := files.Config(host)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(raw, config)
	defer conn.Close()
	_, err = conn.Read(make([]byte, 1)) // a refused client learns of it after its own handshake
	return err
}

func TestWhoIsTrusted(t *testing.T) {
	t.Parallel()
	ours, others := certificatetest.New(t), certificatetest.New(t)
	chain, key := ours.Issue("client")
	for _, row := range []struct {
		name    string
		files   certificate.Files
		host    string
		clients bool
		trusted bool
	}{
		{"the right host", certificate.Files{Mode: certificate.VerifyFull, CA: ours.File}, "db", false, true},
		{"another host", certificate.Files{Mode: certificate.VerifyFull, CA: ours.File}, "other", false, false},
		{"another authority", certificate.Files{Mode: certificate.VerifyFull, CA: others.File}, "db", false, false},
		{"the authorities of the system", certificate.Files{Mode: certificate.VerifyFull}, "db", false, false},
		{"any host of the authority", certificate.Files{Mode: certificate.VerifyCA, CA: ours.File}, "other", false, true},
		{"any host of another authority", certificate.Files{Mode: certificate.VerifyCA, CA: others.File}, "db", false, false},
		{"a client with a certificate", certificate.Files{Mode: certificate.VerifyFull, CA: ours.File, Chain: chain, Key: key}, "db", true, true},
		{"a client without one", certificate.Files{Mode: certificate.VerifyFull, CA: ours.File}, "db", true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := meet(t, ours.Server("db", row.clients), row.files, row.host)
			if (err == nil) != row.trusted {
				t.Errorf("error %v, want trust %t", err, row.trusted)
			}
			if err != nil && !certificate.IsRefusal(err) {
				t.Errorf("%v (%T) is no refusal", err, err)
			}
		})
	}
}

func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	authority := certificatetest.New(t)
	chain, key := authority.Issue("x")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		files certificate.Files
		want  error
	}{
		"a mode that is none":   {certificate.Files{Mode: "Maybe"}, certificate.ErrMode},
		"a CA that is missing":  {certificate.Files{Mode: certificate.VerifyFull, CA: empty + "x"}, certificate.ErrCA},
		"a CA that is empty":    {certificate.Files{Mode: certificate.VerifyCA, CA: empty}, certificate.ErrCA},
		"a chain without key":   {certificate.Files{Mode: certificate.VerifyFull, Chain: chain}, certificate.ErrPair},
		"a key without chain":   {certificate.Files{Mode: certificate.VerifyFull, Key: key}, certificate.ErrPair},
		"a key that is a chain": {certificate.Files{Mode: certificate.VerifyFull, Chain: chain, Key: chain}, certificate.ErrPair},
	} {
		if _, err := row.files.Config("h"); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
	if config, err := (certificate.Files{Mode: certificate.Disabled, CA: empty}).Config("h"); config != nil || err != nil {
		t.Errorf("without TLS: %v, %v", config, err)
	}
}

func TestFilesTravelInAnAddress(t *testing.T) {
	t.Parallel()
	want := certificate.Files{Mode: certificate.VerifyCA, CA: "/a b/ca.crt", Chain: "/c", Key: "/k"}
	query := url.Values{"other": {"1"}}
	want.AddTo(query)
	got := certificate.Take(query)
	if diff := cmp.Diff(want, got); diff != "" || query.Encode() != "other=1" {
		t.Errorf("left %s\n%s", query.Encode(), diff)
	}
}
