// SPDX-License-Identifier: Apache-2.0

package binding_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/controllers/internal/binding"
	"github.com/parley-chat/parley/controllers/internal/manifest"
)

// canary stands for every secret value; no message may hold it.
const canary = "Canary-7c1e9a"

// full is what a store needs, with changes: an empty value takes an entry away.
func full(changes ...string) map[string][]byte {
	data := map[string][]byte{"host": []byte("store.example.com"), "username": []byte("parley"), "password": []byte(canary)}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			delete(data, changes[i])
			continue
		}
		data[changes[i]] = []byte(changes[i+1])
	}
	return data
}

func TestParseAccepts(t *testing.T) {
	t.Parallel()
	own := map[string]string{"host": "host", "username": "username", "password": "password"}
	with := func(more ...string) map[string]string {
		keys := maps.Clone(own)
		for _, entry := range more {
			keys[entry] = entry
		}
		return keys
	}
	certificate, key := pair(t)
	for name, test := range map[string]struct {
		dependency component.Dependency
		data       map[string][]byte
		keys       map[string]string
		want       manifest.Binding
	}{
		"single values": {component.MySQL, full(), nil, manifest.Binding{Keys: own, Host: "store.example.com"}},
		"a foreign key name": {
			component.MySQL,
			full("password", "", "MYSQL_PASSWORD", canary),
			map[string]string{"password": "MYSQL_PASSWORD"},
			manifest.Binding{Keys: map[string]string{"host": "host", "username": "username", "password": "MYSQL_PASSWORD"}, Host: "store.example.com"},
		},
		"an entry that nobody reads": {component.MySQL, full("connection_string", "\x00"), nil, manifest.Binding{Keys: own, Host: "store.example.com"}},
		"one newline at the end":     {component.MySQL, full("host", "store.example.com\n", "port", "3307\n"), nil, manifest.Binding{Keys: with("port"), Host: "store.example.com", Port: 3307}},
		"the type of a fork":         {component.MySQL, full("type", "mariadb"), nil, manifest.Binding{Keys: with("type"), Host: "store.example.com"}},
		"only a uri": {
			component.MySQL,
			map[string][]byte{"uri": []byte("mysql://parley:" + canary + "@db.example.com:3310/any")},
			nil,
			manifest.Binding{Keys: map[string]string{"uri": "uri"}, Host: "db.example.com", Port: 3310},
		},
		"a uri and the same single values": {
			component.RabbitMQ, full("uri", "amqps://parley:"+canary+"@STORE.example.com:5671/a%2Fb", "port", "5671", "virtual-host", "a/b"), nil,
			manifest.Binding{Keys: with("uri", "port", "virtual-host"), Host: "store.example.com", Port: 5671},
		},
		"an IPv6 address": {component.MySQL, full("host", "2001:db8::1"), nil, manifest.Binding{Keys: own, Host: "2001:db8::1"}},
		"certificates": {
			component.MySQL, full("ca.crt", certificate, "certificates", certificate, "private-key", key), nil,
			manifest.Binding{Keys: with("ca.crt", "certificates", "private-key"), Host: "store.example.com"},
		},
		"users of the Job and of a component": {
			component.MySQL, full("migration-username", "ddl", "migration-password", canary, "user-username", "u", "user-password", canary), nil,
			manifest.Binding{Keys: with("migration-username", "migration-password", "user-username", "user-password"), Host: "store.example.com"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.want.Secret = "acme"
			got, problem := binding.Parse(test.dependency, "acme", test.data, test.keys)
			if problem != nil {
				t.Fatalf("got %+v", problem)
			}
			if diff := cmp.Diff(test.want, got.Binding); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	certificate, key := pair(t)
	_, other := pair(t)
	for name, test := range map[string]struct {
		dependency component.Dependency
		data       map[string][]byte
		keys       map[string]string
		suffix     string
		says       string
	}{
		"no host":                    {component.MySQL, full("host", ""), nil, chatv1alpha1.SuffixKeyMissing, `"host"`},
		"no password":                {component.RabbitMQ, full("password", ""), nil, chatv1alpha1.SuffixKeyMissing, `"password"`},
		"a mapped key is not there":  {component.MySQL, full(), map[string]string{"password": "MYSQL_PASSWORD"}, chatv1alpha1.SuffixKeyMissing, `"MYSQL_PASSWORD"`},
		"a wrong type":               {component.RabbitMQ, full("type", "mysql"), nil, chatv1alpha1.SuffixInvalid, "must be rabbitmq"},
		"an empty password":          {component.MySQL, full("password", "\n"), nil, chatv1alpha1.SuffixInvalid, "is empty"},
		"a carriage return":          {component.MySQL, full("password", canary+"\r\n"), nil, chatv1alpha1.SuffixInvalid, "carriage return"},
		"a NUL":                      {component.MySQL, full("password", canary+"\x00"), nil, chatv1alpha1.SuffixInvalid, "NUL"},
		"no UTF-8":                   {component.MySQL, full("password", canary+"\xff"), nil, chatv1alpha1.SuffixInvalid, "UTF-8"},
		"two lines of host":          {component.MySQL, full("host", canary+"\nb"), nil, chatv1alpha1.SuffixInvalid, "one line"},
		"a host with port":           {component.MySQL, full("host", canary+":3306"), nil, chatv1alpha1.SuffixInvalid, "without port"},
		"a port that is none":        {component.MySQL, full("port", "70000"), nil, chatv1alpha1.SuffixInvalid, "65535"},
		"port zero":                  {component.MySQL, full("port", "0"), nil, chatv1alpha1.SuffixInvalid, "65535"},
		"another scheme":             {component.MySQL, full("uri", "amqp://a:"+canary+"@b"), nil, chatv1alpha1.SuffixInvalid, "mysql://"},
		"a uri that cannot be read":  {component.MySQL, full("uri", "mysql://a:"+canary+"%zz@b"), nil, chatv1alpha1.SuffixInvalid, "mysql://"},
		"a uri without password":     {component.MySQL, map[string][]byte{"uri": []byte("mysql://parley@db.example.com")}, nil, chatv1alpha1.SuffixKeyMissing, `"password"`},
		"another host in uri":        {component.MySQL, full("uri", "mysql://parley:"+canary+"@other.example.com"), nil, chatv1alpha1.SuffixInvalid, "entry host differs"},
		"another password in uri":    {component.MySQL, full("uri", "mysql://parley:other@store.example.com"), nil, chatv1alpha1.SuffixInvalid, "entry password differs"},
		"another port in uri":        {component.MySQL, full("uri", "mysql://parley:"+canary+"@store.example.com:1", "port", "2"), nil, chatv1alpha1.SuffixInvalid, "entry port differs"},
		"another vhost in uri":       {component.RabbitMQ, full("uri", "amqp://parley:"+canary+"@store.example.com/a", "virtual-host", "b"), nil, chatv1alpha1.SuffixInvalid, "entry virtual-host differs"},
		"half a pair of credentials": {component.MySQL, full("migration-username", "ddl"), nil, chatv1alpha1.SuffixKeyMissing, `"migration-password"`},
		"a chain without its key":    {component.MySQL, full("certificates", certificate), nil, chatv1alpha1.SuffixKeyMissing, `"private-key"`},
		"the key of another chain":   {component.MySQL, full("certificates", certificate, "private-key", other), nil, chatv1alpha1.SuffixInvalid, "fits"},
		"a CA that is a key":         {component.MySQL, full("ca.crt", key), nil, chatv1alpha1.SuffixInvalid, "certificates in PEM"},
		"a CA that is no PEM":        {component.MySQL, full("ca.crt", canary), nil, chatv1alpha1.SuffixInvalid, "certificates in PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problem := binding.Parse(test.dependency, "acme", test.data, test.keys)
			if problem == nil {
				t.Fatal("accepted")
			}
			if problem.Suffix != test.suffix || !strings.Contains(problem.Message, test.says) || !strings.Contains(problem.Message, `"acme"`) {
				t.Errorf("got %+v, want %s with %q and the Secret", problem, test.suffix, test.says)
			}
			if strings.Contains(problem.Message, canary) {
				t.Errorf("the message tells a value: %s", problem.Message)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(true, "db.example.com", "3306", "parley", "secret", "mysql://parley:secret@db.example.com", "mysql", "", "/")
	f.Add(false, "", "", "", "", "amqps://a:b@c:5671/%2F", "rabbitmq", "-----BEGIN CERTIFICATE-----", "a")
	f.Add(true, "h", "", "u", "p\r\n", "mysql://u:p%00@h", "mariadb", "\xff", "\x00")
	f.Fuzz(func(t *testing.T, mysql bool, host, port, username, password, uri, kind, ca, vhost string) {
		dependency := component.RabbitMQ
		if mysql {
			dependency = component.MySQL
		}
		data := map[string][]byte{}
		for entry, value := range map[string]string{
			"host": host, "port": port, "username": username, "password": password, "uri": uri, "type": kind, "ca.crt": ca, "virtual-host": vhost,
		} {
			if value != "" {
				data[entry] = []byte(value)
			}
		}
		got, problem := binding.Parse(dependency, "acme", data, nil)
		if problem != nil {
			// A value as long as this stands in no text of ours by chance.
			if len(password) > 60 && utf8.ValidString(password) && strings.Contains(problem.Message, password) {
				t.Errorf("the message tells a value: %s", problem.Message)
			}
			return
		}
		if got.Binding.Host == "" || got.Binding.Port < 0 || got.Binding.Port > 65535 {
			t.Errorf("accepted %+v", got.Binding)
		}
		for entry, key := range got.Binding.Keys {
			if _, ok := data[key]; !ok || entry != key {
				t.Errorf("entry %s comes from %s, which is not there", entry, key)
			}
		}
	})
}

// pair is a certificate and its key in PEM.
func pair(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}
