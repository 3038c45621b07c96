// SPDX-License-Identifier: Apache-2.0

package binding

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/api/component"
)

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([-._A-Za-z0-9]{0,251}[A-Za-z0-9_.])?$`)

// place is where a store is and who asks. Port 0 is the store's usual one.
type place struct {
	host     string
	port     int32
	username string
	password string
	vhost    string
	// has tells which of username, password and vhost are given, since they may be empty in a uri.
	hasUsername, hasPassword, hasVHost bool
}

// checkPlace: the address and the credentials are there once, or twice and the same.
func (e *entries) checkPlace() *Problem {
	from, problem := e.fromURI()
	if problem != nil {
		return problem
	}
	for _, part := range []struct {
		entry, uri string
		given      bool
	}{
		{component.EntryHost, from.host, from.host != ""},
		{component.EntryUsername, from.username, from.hasUsername},
		{component.EntryPassword, from.password, from.hasPassword},
	} {
		switch {
		case part.entry != component.EntryHost && e.has(component.EntryAPIKey): // stands for both
		case !e.has(part.entry) && !part.given:
			return e.missing(part.entry, "it is required, or a uri that holds it")
		case e.has(part.entry) && part.given && !same(part.entry, e.text(part.entry), part.uri):
			return e.invalid(part.entry, "differs from the one in uri")
		}
	}
	if from.hasVHost && e.has(component.EntryVirtualHost) && e.text(component.EntryVirtualHost) != from.vhost {
		return e.invalid(component.EntryVirtualHost, "differs from the one in uri")
	}
	if e.has(component.EntryHost) && !isHost(e.text(component.EntryHost)) {
		return e.invalid(component.EntryHost, "must be a host name or an address, without port")
	}
	return nil
}

// place has the single values, and from the uri what they leave open.
func (e *entries) place() (place, *Problem) {
	found, problem := e.fromURI()
	if problem != nil {
		return place{}, problem
	}
	if e.has(component.EntryHost) {
		found.host = e.text(component.EntryHost)
	}
	if e.has(component.EntryPort) {
		port, ok := parsePort(e.text(component.EntryPort))
		if !ok {
			return place{}, e.invalid(component.EntryPort, "must be a number from 1 to 65535")
		}
		if found.port != 0 && found.port != port {
			return place{}, e.invalid(component.EntryPort, "differs from the one in uri")
		}
		found.port = port
	}
	return found, nil
}

// fromURI never tells what the parser said: its errors repeat the text, password and all.
func (e *entries) fromURI() (place, *Problem) {
	if !e.has(component.EntryURI) {
		return place{}, nil
	}
	schemes := map[component.Dependency][]string{
		component.MySQL:         {"mysql", "mariadb"},
		component.RabbitMQ:      {"amqp", "amqps"},
		component.Elasticsearch: {"https", "http"},
	}[e.dependency]
	form := e.invalid(component.EntryURI, "must look like "+schemes[0]+"://username:password@host:port")
	parsed, err := url.Parse(e.text(component.EntryURI))
	if err != nil || !slices.Contains(schemes, parsed.Scheme) || parsed.Opaque != "" || !isHost(parsed.Hostname()) {
		return place{}, form
	}
	found := place{host: parsed.Hostname()}
	if text := parsed.Port(); text != "" {
		port, ok := parsePort(text)
		if !ok {
			return place{}, form
		}
		found.port = port
	}
	if user := parsed.User; user != nil {
		found.username, found.hasUsername = user.Username(), user.Username() != ""
		found.password, found.hasPassword = user.Password()
		found.hasPassword = found.hasPassword && found.password != ""
	}
	if path, ok := strings.CutPrefix(parsed.Path, "/"); ok && path != "" && e.dependency == component.RabbitMQ {
		found.vhost, found.hasVHost = path, true
	}
	return found, nil
}

func parsePort(text string) (int32, bool) {
	port, err := strconv.ParseUint(text, 10, 16)
	return int32(port), err == nil && port > 0
}

func isHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	return hostName.MatchString(text)
}

func same(entry, left, right string) bool {
	if entry == component.EntryHost {
		return strings.EqualFold(left, right)
	}
	return left == right
}

// checkCertificates finds what would end every handshake.
func (e *entries) checkCertificates() *Problem {
	if e.has(component.EntryCA) {
		if !isChain(e.values[component.EntryCA]) {
			return e.invalid(component.EntryCA, "must hold certificates in PEM")
		}
	}
	if !e.has(component.EntryCertificate) {
		return nil
	}
	_, err := tls.X509KeyPair(e.values[component.EntryCertificate], e.values[component.EntryPrivateKey])
	if err != nil {
		return e.invalid(component.EntryCertificate, "must be a chain in PEM that fits the entry "+component.EntryPrivateKey)
	}
	return nil
}

// isChain: at least one certificate, and nothing that is none.
func isChain(text []byte) bool {
	count := 0
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return count > 0
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil || block.Type != "CERTIFICATE" {
			return false
		}
		count, text = count+1, rest
	}
}
