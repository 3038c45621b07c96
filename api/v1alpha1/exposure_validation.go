// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

func (p *problems) checkObjectName(path, name string) {
	p.unless(len(validation.IsDNS1123Subdomain(name)) == 0, path, "write the name of an object: a-z, 0-9, - and dots")
}

func (p *problems) checkExposure(spec *ChatClusterSpec) {
	exposure := spec.Exposure
	// C3
	p.unless(spec.Profile != ProfileProduction || exposure.Host != "", "spec.exposure.host",
		"Production needs the public name; set it, or set spec.profile to Development")
	p.checkHost("spec.exposure.host", exposure.Host)
	p.checkHost("spec.exposure.filesHost", exposure.FilesHost)
	p.unless(exposure.FilesHost == "" || exposure.FilesHost != exposure.Host, "spec.exposure.filesHost",
		"choose another name than host: it keeps unsafe files away from it")
	p.oneOf("spec.exposure.serviceType", exposure.ServiceType, "ClusterIP", "NodePort", "LoadBalancer")
	p.checkExposureAnnotations(exposure.Annotations)
	p.atMost("spec.exposure.allowedOrigins", len(exposure.AllowedOrigins), 32)
	for i, origin := range exposure.AllowedOrigins {
		p.unless(isOrigin(origin), fmt.Sprintf("spec.exposure.allowedOrigins[%d]", i),
			"write scheme and host, and the port unless it is the usual one, like https://chat.example.com")
	}
	p.checkTwice("spec.exposure.allowedOrigins", exposure.AllowedOrigins)
	p.checkNetworks("spec.exposure.trustedProxies", exposure.TrustedProxies, 16)
}

func (p *problems) checkHost(path, host string) {
	p.unless(host == "" || len(validation.IsDNS1123Subdomain(host)) == 0, path,
		"write a DNS name in lower case, without scheme, port and path")
}

// isOrigin accepts what a browser sends: the serialized form of RFC 6454 section 6.2.
func isOrigin(text string) bool {
	parsed, err := url.Parse(text)
	if err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Host == "" {
		return false
	}
	usual := map[string]string{"http": "80", "https": "443"}[parsed.Scheme]
	return text == parsed.Scheme+"://"+strings.ToLower(parsed.Host) && parsed.Port() != usual && !strings.Contains(text, "*")
}

// checkExposureAnnotations is C13 for the way in: a snippet would run somebody's configuration in a
// shared proxy. Annotations of load balancers are in kubernetes.io, so those are allowed here.
func (p *problems) checkExposureAnnotations(annotations map[string]string) {
	const path = "spec.exposure.annotations"
	p.atMost(path, len(annotations), 32)
	for _, name := range sortedNames(annotations) {
		p.unless(len(validation.IsQualifiedName(strings.ToLower(name))) == 0, path, "use names of the form example.com/name")
		p.unless(!strings.Contains(name, "snippet"), path, "remove the snippet: it runs configuration in a shared proxy")
		p.unless(!hasDomain(name, Group), path, "remove names of "+Group+": the operator owns them")
	}
}

// hasDomain tells a name of a domain or of one below it.
func hasDomain(name, domain string) bool {
	prefix, _, ok := strings.Cut(name, "/")
	return ok && (prefix == domain || strings.HasSuffix(prefix, "."+domain))
}
