// SPDX-License-Identifier: Apache-2.0

package process_test

import (
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/certificate/certificatetest"
	"github.com/parley-chat/parley/services/internal/process"
)

// writeBinding makes a root with files "dependency/entry".
func writeBinding(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestAddressesComeFromBindings(t *testing.T) {
	t.Parallel()
	off := map[string]string{"PARLEY_MYSQL_TLS": "Disabled", "PARLEY_RABBITMQ_TLS": "Disabled"}
	for _, row := range []struct {
		name          string
		component     component.Name
		environ       map[string]string
		files         map[string]string
		mysql, rabbit string
	}{
		{"nothing is known", component.User, nil, nil, "", ""},
		{
			"the usual entries, a newline is cut", component.User,
			map[string]string{"PARLEY_MYSQL_DATABASE": "parley_user"},
			map[string]string{
				"mysql/type": "mysql", "mysql/host": "db\n", "mysql/username": "u", "mysql/password": "p@ss/:word\n",
				"rabbitmq/host": "mq", "rabbitmq/username": "r", "rabbitmq/password": "%",
			},
			"mysql://u:p%40ss%2F%3Aword@db:3306/parley_user", "amqp://r:%25@mq:5672/",
		},
		{
			"variables win over files", component.User,
			map[string]string{
				"PARLEY_MYSQL_HOST": "other", "PARLEY_MYSQL_PORT": "3307",
				"PARLEY_RABBITMQ_HOST": "::1", "PARLEY_RABBITMQ_PORT": "1", "PARLEY_RABBITMQ_VHOST": "a/b",
			},
			map[string]string{
				"mysql/host": "db", "mysql/port": "1", "mysql/username": "u", "mysql/password": "p",
				"rabbitmq/host": "mq", "rabbitmq/port": "2", "rabbitmq/virtual-host": "files",
			},
			"mysql://u:p@other:3307/", "amqp://[::1]:1/a%2Fb",
		},
		{
			"a component's own user wins", component.Message, nil,
			map[string]string{
				"mysql/host": "db", "mysql/username": "u", "mysql/password": "p",
				"mysql/message-username": "m", "mysql/message-password": "own", "mysql/user-username": "x",
			},
			"mysql://m:own@db:3306/", "",
		},
		{
			"the Job has a user of its own", component.Migrate, nil,
			map[string]string{
				"mysql/host": "db", "mysql/username": "u", "mysql/password": "p",
				"mysql/migration-username": "ddl", "mysql/migration-password": "own",
			},
			"mysql://ddl:own@db:3306/", "",
		},
		{
			"an uri stands for the rest, but for the schema", component.User,
			map[string]string{"PARLEY_MYSQL_DATABASE": "parley_user"},
			map[string]string{"mysql/uri": "mysql://u:p@db:3310/other", "rabbitmq/uri": "amqp://r:q@mq/vh"},
			"mysql://u:p@db:3310/parley_user", "amqp://r:q@mq:5672/vh",
		},
		{
			"whole addresses win over all", component.User,
			map[string]string{"PARLEY_MYSQL_DSN": "sqlite:/x", "PARLEY_RABBITMQ_URL": "amqp://h/"},
			map[string]string{"mysql/host": "db", "rabbitmq/host": "mq"},
			"sqlite:/x", "amqp://h/",
		},
		{
			"variables alone", component.User,
			map[string]string{"PARLEY_MYSQL_HOST": "db", "PARLEY_RABBITMQ_HOST": "mq"},
			nil,
			"mysql://db:3306/", "amqp://mq:5672/",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			environ := maps.Clone(off)
			maps.Copy(environ, row.environ)
			environ["SERVICE_BINDING_ROOT"] = writeBinding(t, row.files)
			got, err := process.Complete(environ, row.component)
			if err != nil {
				t.Fatal(err)
			}
			if got["PARLEY_MYSQL_DSN"] != row.mysql || got["PARLEY_RABBITMQ_URL"] != row.rabbit {
				t.Errorf("got %q and %q, want %q and %q", got["PARLEY_MYSQL_DSN"], got["PARLEY_RABBITMQ_URL"], row.mysql, row.rabbit)
			}
		})
	}
}

func TestTheProviderOfCodesIsForTheUserService(t *testing.T) {
	t.Parallel()
	root := writeBinding(t, map[string]string{
		"sms/type": "sms", "sms/access-key-id": "id", "sms/access-key-secret": "hidden\n", "sms/uri": "https://sms.example.com/", "sms/signing-key": "key",
	})
	for _, name := range component.All() {
		got, err := process.Complete(map[string]string{"SERVICE_BINDING_ROOT": root, "PARLEY_SMS_URL": "https://other.example.com/"}, name)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"PARLEY_SMS_ACCESS_KEY_ID": "id", "PARLEY_SMS_ACCESS_KEY_SECRET": "hidden", "PARLEY_SMS_SIGNING_KEY": "key",
			"PARLEY_SMS_PREVIOUS_SIGNING_KEY": "", "PARLEY_SMS_URL": "https://other.example.com/", // a variable wins over a file
		}
		for variable, value := range want {
			if name != component.User && variable != "PARLEY_SMS_URL" {
				value = ""
			}
			if got[variable] != value {
				t.Errorf("%s: %s is %q, want %q", name, variable, got[variable], value)
			}
		}
	}
	wrong := writeBinding(t, map[string]string{"sms/type": "mysql", "sms/signing-key": "hidden"})
	if _, err := process.Complete(map[string]string{"SERVICE_BINDING_ROOT": wrong}, component.User); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("a binding of something else: %v", err)
	}
}

func TestFilesOfCertificatesAreNamedInTheAddress(t *testing.T) {
	t.Parallel()
	authority := certificatetest.New(t)
	chain, key := authority.Issue("client")
	files := map[string]string{"mysql/host": "db", "mysql/username": "u", "mysql/password": "p", "rabbitmq/host": "mq"}
	for entry, file := range map[string]string{"ca.crt": authority.File, "certificates": chain, "private-key": key} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files["mysql/"+entry], files["rabbitmq/"+entry] = string(text), string(text)
	}
	root := writeBinding(t, files)
	got, err := process.Complete(map[string]string{"SERVICE_BINDING_ROOT": root, "PARLEY_RABBITMQ_TLS": "VerifyCA"}, component.User)
	if err != nil {
		t.Fatal(err)
	}
	for variable, want := range map[string]string{
		"PARLEY_MYSQL_DSN": "mysql://u:p@db:3306/", "PARLEY_RABBITMQ_URL": "amqps://mq:5671/",
	} {
		address, err := url.Parse(got[variable])
		if err != nil {
			t.Fatal(err)
		}
		query := address.Query()
		found := certificate.Take(query)
		address.RawQuery = query.Encode()
		if address.String() != want {
			t.Errorf("%s is %s, want %s", variable, address, want)
		}
		if _, err := found.Config("db"); err != nil || found.CA == "" || found.Chain == "" || found.Key == "" {
			t.Errorf("%s names %+v, %v", variable, found, err)
		}
	}
}

func TestWrongBindingsAreNamedWithoutTheirValues(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		environ map[string]string
		files   map[string]string
		want    string
	}{
		"another type":           {nil, map[string]string{"mysql/type": "hunter2"}, "mysql/type must be mysql or mariadb"},
		"no host":                {nil, map[string]string{"mysql/username": "hunter2"}, "mysql/host is missing"},
		"a carriage return":      {nil, map[string]string{"mysql/password": "hunter2\r\n"}, "mysql/password"},
		"a NUL":                  {nil, map[string]string{"rabbitmq/password": "hunter2\x00"}, "rabbitmq/password"},
		"no text":                {nil, map[string]string{"rabbitmq/host": "hunter2\xff"}, "rabbitmq/host"},
		"an uri of another kind": {nil, map[string]string{"mysql/uri": "http://hunter2@x"}, "mysql/uri must be mysql://"},
		"an uri that is none":    {nil, map[string]string{"rabbitmq/uri": "amqp://hunter2@%zz"}, "rabbitmq/uri must be amqp://"},
		"a port that is none":    {nil, map[string]string{"mysql/host": "h", "mysql/port": "hunter2"}, "must be 1 to 65535"},
		"a CA that is none":      {map[string]string{"PARLEY_MYSQL_TLS": "VerifyFull"}, map[string]string{"mysql/host": "h", "mysql/ca.crt": "hunter2"}, "mysql: the CA must be"},
		"a key without chain":    {map[string]string{"PARLEY_RABBITMQ_TLS": "VerifyFull"}, map[string]string{"rabbitmq/host": "h", "rabbitmq/private-key": "hunter2"}, "rabbitmq: certificates"},
		"a folder that is none":  {map[string]string{"SERVICE_BINDING_ROOT": filepath.Join(t.TempDir(), "none")}, nil, "SERVICE_BINDING_ROOT: name the folder of the bindings, or leave it out"},
		"an unknown form of TLS": {map[string]string{"PARLEY_MYSQL_TLS": "hunter2"}, map[string]string{"mysql/host": "h"}, "PARLEY_MYSQL_TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environ := map[string]string{"SERVICE_BINDING_ROOT": writeBinding(t, row.files), "PARLEY_MYSQL_TLS": "Disabled", "PARLEY_RABBITMQ_TLS": "Disabled"}
			maps.Copy(environ, row.environ)
			_, err := process.Complete(environ, component.User)
			if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %v, want %q and no value", err, row.want)
			}
		})
	}
}

func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := process.Complete(map[string]string{
		"PARLEY_MYSQL_HOST": "h", "PARLEY_MYSQL_PORT": "x", "PARLEY_RABBITMQ_HOST": "h", "PARLEY_RABBITMQ_TLS": "x",
	}, component.User)
	for _, want := range []string{"PARLEY_MYSQL_PORT", "PARLEY_RABBITMQ_TLS"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in %v", want, err)
		}
	}
}

func FuzzParseEntry(f *testing.F) {
	for _, seed := range []string{"", "x", "x\n", "x\n\n", "\r\n", "a\x00", "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := process.ParseEntry(text)
		switch {
		case err != nil && got != "":
			t.Errorf("%q beside an error", got)
		case err == nil && (!utf8.ValidString(got) || strings.ContainsAny(got, "\r\x00")):
			t.Errorf("took %q", got)
		case err == nil && got != string(text) && got+"\n" != string(text):
			t.Errorf("made %q of %q", got, text)
		}
	})
}
