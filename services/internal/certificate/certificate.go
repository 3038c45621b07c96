// SPDX-License-Identifier: Apache-2.0

// Package certificate secures connections to dependencies with files of certificates.
//
// What a connection needs travels inside its address, as parameters that only name files: an address is
// one string through all layers, and a key never is part of it.
package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
)

// Mode is how the other side is verified.
type Mode string

// The modes.
const (
	// VerifyFull trusts a chain to the CA for the very host.
	VerifyFull Mode = "VerifyFull"
	// VerifyCA trusts a chain to the CA for any host.
	VerifyCA Mode = "VerifyCA"
	// Disabled does not use TLS.
	Disabled Mode = "Disabled"
)

// Parameters of an address.
const (
	paramMode  = "parley-tls"
	paramCA    = "parley-ca"
	paramChain = "parley-certificates"
	paramKey   = "parley-private-key"
)

// Files name what secures a connection. The zero value says nothing about TLS.
type Files struct {
	Mode Mode
	// CA in PEM; empty: those of the system.
	CA string
	// Chain and Key of the client in PEM; both or none.
	Chain, Key string
}

// AddTo puts the files into the parameters of an address.
func (f Files) AddTo(query url.Values) {
	for key, value := range map[string]string{paramMode: string(f.Mode), paramCA: f.CA, paramChain: f.Chain, paramKey: f.Key} {
		if value != "" {
			query.Set(key, value)
		}
	}
}

// Take gets the files out of the parameters of an address, which lose them.
func Take(query url.Values) Files {
	f := Files{Mode: Mode(query.Get(paramMode)), CA: query.Get(paramCA), Chain: query.Get(paramChain), Key: query.Get(paramKey)}
	for _, key := range []string{paramMode, paramCA, paramChain, paramKey} {
		query.Del(key)
	}
	return f
}

// Errors of files. None holds what a file holds.
var (
	ErrMode = errors.New("TLS must be VerifyFull, VerifyCA or Disabled")
	ErrCA   = errors.New("the CA must be certificates in PEM")
	ErrPair = errors.New("certificates and private-key of the client must be PEM and fit each other")
)

// Config reads the files. It is nil where there is no TLS.
func (f Files) Config(host string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	switch f.Mode {
	case "", Disabled:
		return nil, nil
	case VerifyFull, VerifyCA:
	default:
		return nil, ErrMode
	}
	if f.CA != "" {
		text, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCA, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, ErrCA
		}
	}
	if (f.Chain == "") != (f.Key == "") {
		return nil, ErrPair
	}
	if f.Chain != "" {
		pair, err := tls.LoadX509KeyPair(f.Chain, f.Key)
		if err != nil {
			return nil, ErrPair // the text of the library may quote the file
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if f.Mode == VerifyCA {
		anyHost(config)
	}
	return config, nil
}

// anyHost verifies the chain alone: the library's own check always compares the host.
func anyHost(config *tls.Config) {
	roots := config.RootCAs
	config.InsecureSkipVerify = true // VerifyConnection verifies
	config.VerifyConnection = func(state tls.ConnectionState) error {
		options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, c := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(c)
		}
		if _, err := state.PeerCertificates[0].Verify(options); err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
		}
		return nil
	}
}

// IsRefusal tells that a connection failed because of TLS: a certificate does not fit, or one side does
// not speak it.
func IsRefusal(err error) bool {
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, header := errors.AsType[tls.RecordHeaderError](err)
	// The type of an alert that the other side sent is not exported; this is how the library names it.
	operation, isOperation := errors.AsType[*net.OpError](err)
	return unverified || header || isOperation && operation.Op == "remote error"
}
