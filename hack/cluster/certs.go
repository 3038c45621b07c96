// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// certificateLife is longer than any cluster of tests lives.
const certificateLife = 30 * 24 * time.Hour

// authority signs certificates.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

// identity is what a certificate says.
type identity struct {
	name   string
	groups []string
	hosts  []string // names and addresses of a server
}

// writeCertificates makes all keys and certificates once: one authority for servers and clients, one for
// the front proxy of the aggregation layer, and the key of service account tokens.
func (p plan) writeCertificates(count int) error {
	if err := os.MkdirAll(p.path("pki"), 0o700); err != nil {
		return err
	}
	ca, err := p.newAuthority("ca", "parley-cluster")
	if err != nil {
		return err
	}
	front, err := p.newAuthority("front-proxy-ca", "parley-front-proxy")
	if err != nil {
		return err
	}
	masters := []string{"system:masters"}
	all := map[string]identity{
		"apiserver": {name: "kube-apiserver", hosts: []string{
			hostAddress, firstService, "127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		}},
		"apiserver-kubelet": {name: "kube-apiserver-kubelet", groups: masters},
		"admin":             {name: "admin", groups: masters},
		"controller":        {name: "system:kube-controller-manager"},
		"scheduler":         {name: "system:kube-scheduler"},
		"proxy":             {name: "system:kube-proxy"},
	}
	for _, n := range nodes(count) {
		all["kubelet-"+n.name()] = identity{name: "system:node:" + n.name(), groups: []string{"system:nodes"}, hosts: []string{n.name(), n.address()}}
	}
	for file, who := range all {
		if err := p.issue(ca, file, who); err != nil {
			return err
		}
	}
	if err := p.issue(front, "front-proxy", identity{name: "front-proxy"}); err != nil {
		return err
	}
	_, err = p.newKey("service-accounts")
	return err
}

func (p plan) newKey(file string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	return key, errors.Join(
		writePEM(p.path("pki", file+".key"), "EC PRIVATE KEY", private),
		writePEM(p.path("pki", file+".pub"), "PUBLIC KEY", public))
}

func (p plan) newAuthority(file, name string) (authority, error) {
	key, err := p.newKey(file)
	if err != nil {
		return authority{}, err
	}
	template := newTemplate(identity{name: name})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage |= x509.KeyUsageCertSign
	certificate, err := p.sign(file, template, template, key.Public(), key)
	return authority{key: key, certificate: certificate}, err
}

func (p plan) issue(ca authority, file string, who identity) error {
	key, err := p.newKey(file)
	if err != nil {
		return err
	}
	_, err = p.sign(file, newTemplate(who), ca.certificate, key.Public(), ca.key)
	return err
}

func newTemplate(who identity) *x509.Certificate {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: who.name, Organization: who.groups},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, host := range who.hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return template
}

func (p plan) sign(file string, template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	content, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	if err := writePEM(p.path("pki", file+".crt"), "CERTIFICATE", content); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(content)
}

func writePEM(path, kind string, content []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600)
}

// writeKubeconfig makes a kubeconfig for a client certificate.
func (p plan) writeKubeconfig(path, certificate string) error {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: parley, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: parley, user: {client-certificate: %q, client-key: %q}}]
contexts: [{name: parley, context: {cluster: parley, user: parley}}]
current-context: parley
`, apiURL(), p.path("pki", "ca.crt"), p.path("pki", certificate+".crt"), p.path("pki", certificate+".key"))
	return os.WriteFile(path, []byte(text), 0o600)
}
