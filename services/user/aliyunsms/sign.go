// SPDX-License-Identifier: Apache-2.0

package aliyunsms

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const algorithm = "ACS3-HMAC-SHA256"

// call is what a signature covers.
type call struct {
	action, version string
	nonce           string
	at              time.Time
}

// sign sets the headers of request signature V3. The request has no body: parameters stand in the query.
func sign(r *http.Request, c call, keyID, keySecret string) {
	payload := hexSHA256("")
	r.Header.Set("x-acs-action", c.action)
	r.Header.Set("x-acs-version", c.version)
	r.Header.Set("x-acs-date", c.at.UTC().Format(time.RFC3339))
	r.Header.Set("x-acs-signature-nonce", c.nonce)
	r.Header.Set("x-acs-content-sha256", payload)
	signed := []string{"host"}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") {
			signed = append(signed, lower)
		}
	}
	slices.Sort(signed)
	var headers strings.Builder
	for _, name := range signed {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.URL.Host
		}
		headers.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	names := strings.Join(signed, ";")
	canonical := strings.Join([]string{r.Method, "/", r.URL.RawQuery, headers.String(), names, payload}, "\n")
	mac := hmac.New(sha256.New, []byte(keySecret))
	_, _ = mac.Write([]byte(algorithm + "\n" + hexSHA256(canonical)))
	r.Header.Set("Authorization", algorithm+" Credential="+keyID+",SignedHeaders="+names+
		",Signature="+hex.EncodeToString(mac.Sum(nil)))
}

// canonicalQuery is the query in the order and escaping that the signature wants.
func canonicalQuery(parameters map[string]string) string {
	values := url.Values{}
	for name, value := range parameters {
		values.Set(name, value)
	}
	// Encode sorts by name, and differs from RFC 3986 in these: a plus for a space, and a bare asterisk.
	return strings.NewReplacer("+", "%20", "*", "%2A").Replace(values.Encode())
}

func hexSHA256(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
