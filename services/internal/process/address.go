// SPDX-License-Identifier: Apache-2.0

package process

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/certificate"
)

// Default ports of the dependencies.
const (
	portMySQL = "3306"
	portAMQP  = "5672"
	portAMQPS = "5671"
)

// Complete is environ with PARLEY_MYSQL_DSN, PARLEY_RABBITMQ_URL, and what stores and providers need. One that is set
// stays; else it is made of single variables and, behind them, of the component's files under SERVICE_BINDING_ROOT. What
// is not known stays away. The error tells all that is wrong, and never a value.
func Complete(environ map[string]string, name component.Name) (map[string]string, error) {
	full := maps.Clone(environ)
	if full == nil {
		full = map[string]string{}
	}
	var problems []error
	if root := full[component.EnvBindingRoot]; root != "" {
		if _, err := os.Stat(root); err != nil { // what it should have said would be told as missing
			return full, fmt.Errorf("%s: name the folder of the bindings, or leave it out: %w", component.EnvBindingRoot, err)
		}
	}
	for _, d := range []dependency{mysqlDependency(), rabbitDependency()} {
		if full[d.whole] != "" {
			continue
		}
		address, err := d.address(environ, name)
		problems = append(problems, err)
		if address != "" {
			full[d.whole] = address
		}
	}
	problems = append(problems, completeSearch(full, name), completeSMS(full, name), completeObjectStore(full, name), completeSpeech(full, name))
	return full, errors.Join(problems...)
}

// completeSMS adds the secrets of the provider of codes. A variable that is set stays.
func completeSMS(full map[string]string, name component.Name) error {
	if !slices.Contains(component.Readers(component.SMS), name) {
		return nil
	}
	b, err := readBinding(full[component.EnvBindingRoot], component.SMS, name)
	if err != nil {
		return err
	}
	fill(full, map[string]string{
		component.EnvSMSAccessKeyID: b.entries[component.EntryAccessKeyID], component.EnvSMSAccessKeySecret: b.entries[component.EntryAccessKeySecret],
		component.EnvSMSURL: b.entries[component.EntryURI], component.EnvSMSSigningKey: b.entries[component.EntrySigningKey],
		component.EnvSMSPreviousSigningKey: b.entries[component.EntryPreviousSigningKey],
	})
	return nil
}

// dependency names the variables of one dependency.
type dependency struct {
	name                         component.Dependency
	whole, host, port, tls, path string
	pathEntry                    string // of the binding, behind the variable
	schemes                      [2]string
	ports                        [2]string // without and with TLS
}

func mysqlDependency() dependency {
	return dependency{
		name: component.MySQL, whole: component.EnvMySQLDSN, host: component.EnvMySQLHost, port: component.EnvMySQLPort,
		tls: component.EnvMySQLTLS, path: component.EnvMySQLDatabase,
		schemes: [2]string{"mysql", "mysql"}, ports: [2]string{portMySQL, portMySQL},
	}
}

func rabbitDependency() dependency {
	return dependency{
		name: component.RabbitMQ, whole: component.EnvAMQPURL, host: component.EnvRabbitMQHost, port: component.EnvRabbitMQPort,
		tls: component.EnvRabbitMQTLS, path: component.EnvRabbitMQVHost, pathEntry: component.EntryVirtualHost,
		schemes: [2]string{"amqp", "amqps"}, ports: [2]string{portAMQP, portAMQPS},
	}
}

// address is the whole address, empty if nothing names a host.
func (d dependency) address(environ map[string]string, name component.Name) (string, error) {
	b, err := readBinding(environ[component.EnvBindingRoot], d.name, name)
	if err != nil {
		return "", err
	}
	whole, err := d.uri(b)
	if err != nil {
		return "", err
	}
	host := cmp.Or(environ[d.host], b.entries[component.EntryHost], whole.Hostname())
	if host == "" {
		if len(b.entries) > 0 {
			return "", fmt.Errorf("%s: entry %s/%s is missing", component.EnvBindingRoot, d.name, component.EntryHost)
		}
		return "", nil
	}
	files, err := d.files(environ, b, whole)
	if err != nil {
		return "", err
	}
	secured := 1
	if files.Mode == certificate.Disabled {
		secured = 0
	}
	port := cmp.Or(environ[d.port], b.entries[component.EntryPort], whole.Port(), d.ports[secured])
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%s, or entry %s/%s, must be 1 to 65535", d.port, d.name, component.EntryPort)
	}
	username, password := b.user(name)
	if username == "" && whole.User != nil {
		username = whole.User.Username()
		password, _ = whole.User.Password()
	}
	path := cmp.Or(environ[d.path], b.entries[d.pathEntry], d.pathOf(whole))
	if d.name == component.MySQL && name == component.Migrate {
		path = "" // there the variable is the start of all schemas' names
	}
	address := url.URL{
		Scheme: d.schemes[secured], Host: net.JoinHostPort(host, port), Path: "/" + path, RawPath: "/" + url.PathEscape(path),
	}
	if username != "" {
		address.User = url.UserPassword(username, password)
	}
	if secured == 1 {
		options := url.Values{}
		files.AddTo(options)
		address.RawQuery = options.Encode()
	}
	return address.String(), nil
}

// uri is the entry that may stand for host, port, username and password; an empty URL without it.
func (d dependency) uri(b binding) (*url.URL, error) {
	text := b.entries[component.EntryURI]
	if text == "" {
		return &url.URL{}, nil
	}
	whole, err := url.Parse(text)
	if err != nil || whole.Host == "" || whole.Scheme != d.schemes[0] && whole.Scheme != d.schemes[1] {
		return nil, fmt.Errorf("%s: entry %s/%s must be %s://user:password@host:port",
			component.EnvBindingRoot, d.name, component.EntryURI, d.schemes[0])
	}
	return whole, nil
}

// pathOf an uri is a vhost; the schema of a service has its own variable and never comes from the uri.
func (d dependency) pathOf(whole *url.URL) string {
	if d.pathEntry == "" {
		return ""
	}
	return strings.TrimPrefix(whole.Path, "/")
}

// files say how the connection is secured; fully where nothing says otherwise.
func (d dependency) files(environ map[string]string, b binding, whole *url.URL) (certificate.Files, error) {
	mode := certificate.Mode(environ[d.tls])
	if mode == "" {
		mode = certificate.VerifyFull
		if d.name == component.RabbitMQ && whole.Scheme == d.schemes[0] {
			mode = certificate.Disabled // the uri says so
		}
	}
	files := certificate.Files{
		Mode: mode, CA: b.file(component.EntryCA), Chain: b.file(component.EntryCertificate), Key: b.file(component.EntryPrivateKey),
	}
	switch {
	case mode == certificate.Disabled:
		return certificate.Files{Mode: mode}, nil
	case mode != certificate.VerifyFull && mode != certificate.VerifyCA:
		return files, fmt.Errorf("%s: %w", d.tls, certificate.ErrMode)
	}
	if _, err := files.Config(""); err != nil {
		return files, fmt.Errorf("%s: %s: %w", component.EnvBindingRoot, d.name, err)
	}
	return files, nil
}
