// SPDX-License-Identifier: Apache-2.0

package aliyunsms_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/provider/providertest"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/aliyunsms"
	"github.com/parley-chat/parley/services/user/usertest"
)

const keySecret = "a secret of a test"

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(_ *testing.T, endpoint string) user.SMS {
	return aliyunsms.New(aliyunsms.Options{
		Endpoint: endpoint, AccessKeyID: "key-id", AccessKeySecret: secret.New(keySecret),
		SignName: "测试 & Co", TemplateCode: "SMS_1", TemplateCodeAbroad: "SMS_2", Now: func() time.Time { return at },
		Client: providertest.Client(),
	})
}

func answer(code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"Code":%q,"Message":"about %s","RequestId":"R-1","BizId":"B-1"}`, code, usertest.CanaryPhone)
	}
}

func TestProvider(t *testing.T) {
	t.Parallel()
	usertest.TestProvider(t, open, answer("OK"))
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

// escape is the percent-encoding of RFC 3986.
func escape(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.~", rune(c)) {
			b.WriteByte(c)
		} else {
			_, _ = fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// verify computes the signature anew from what arrived, as the vendor documents it.
func verify(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("x-acs-content-sha256") != sum(string(body)) {
		return fmt.Errorf("the hash of the body is wrong: %w", err)
	}
	stamp, err := time.Parse("2006-01-02T15:04:05Z", r.Header.Get("x-acs-date"))
	if err != nil || at.Sub(stamp).Abs() > 15*time.Minute {
		return fmt.Errorf("date %q: %w", r.Header.Get("x-acs-date"), err)
	}
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "ACS3-HMAC-SHA256 Credential=key-id,SignedHeaders=")
	names, signature, found := strings.Cut(rest, ",Signature=")
	if !ok || !found {
		return fmt.Errorf("authorization %q", r.Header.Get("Authorization"))
	}
	var headers, query []string
	list := strings.Split(names, ";")
	for _, must := range []string{"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"} {
		if !slices.Contains(list, must) {
			return fmt.Errorf("%s is not signed", must)
		}
	}
	if !slices.IsSorted(list) {
		return fmt.Errorf("signed headers %q are not sorted", names)
	}
	for _, name := range list {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		headers = append(headers, name+":"+value+"\n")
	}
	for name, values := range r.URL.Query() {
		query = append(query, escape(name)+"="+escape(values[0]))
	}
	slices.Sort(query)
	canonical := strings.Join([]string{
		r.Method, r.URL.Path, strings.Join(query, "&"), strings.Join(headers, ""), names, sum(string(body)),
	}, "\n")
	mac := hmac.New(sha256.New, []byte(keySecret))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + sum(canonical)))
	if signature != hex.EncodeToString(mac.Sum(nil)) {
		return errors.New("the signature is wrong")
	}
	return nil
}

func TestTheVendorCanCheckTheSignatureAndFindsWhatItWants(t *testing.T) {
	t.Parallel()
	id := ids.NewCodeRequest()
	for _, row := range []struct{ phone, country, wantNumber, wantTemplate string }{
		{"+8613800000000", "CN", "13800000000", "SMS_1"},
		{"+85251234567", "HK", "85251234567", "SMS_2"},
	} {
		var nonces []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := verify(r); err != nil {
				t.Errorf("%s: %v", row.phone, err)
			}
			want := url.Values{
				"PhoneNumbers": {row.wantNumber}, "SignName": {"测试 & Co"}, "TemplateCode": {row.wantTemplate},
				"TemplateParam": {`{"code":"012345"}`}, "OutId": {id.String()},
			}
			if diff := cmp.Diff(want, r.URL.Query()); diff != "" {
				t.Errorf("query (-want +got):\n%s", diff)
			}
			if r.Header.Get("x-acs-action") != "SendSms" || r.Header.Get("x-acs-version") != "2017-05-25" {
				t.Errorf("headers %v", r.Header)
			}
			nonces = append(nonces, r.Header.Get("x-acs-signature-nonce"))
			answer("OK")(w, r)
		}))
		for range 2 {
			err := open(t, server.URL).Send(t.Context(), user.CodeMessage{
				ID: id, Number: user.Number{Phone: user.PhoneOf(row.phone), Country: row.country}, Digits: user.DigitsOf("012345"),
			})
			if err != nil {
				t.Error(err)
			}
		}
		server.Close()
		if len(nonces) != 2 || nonces[0] == nonces[1] {
			t.Errorf("nonces %v, want two different ones", nonces)
		}
	}
}

func TestTheCodesOfTheVendorAreTold(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]error{
		"OK":                              nil,
		"isv.BUSINESS_LIMIT_CONTROL":      user.ErrRateLimited,
		"isv.MOBILE_NUMBER_ILLEGAL":       fault.ErrInvalid,
		"isp.SYSTEM_ERROR":                user.ErrSMSUnavailable,
		"Throttling.User":                 user.ErrSMSUnavailable,
		"":                                user.ErrSMSUnavailable,
		"ok":                              user.ErrSMSUnavailable,
		"isv.SMS_SIGNATURE_ILLEGAL":       user.ErrSMSAccount,
		"isv.SMS_TEMPLATE_ILLEGAL":        user.ErrSMSAccount,
		"isv.OUT_OF_SERVICE":              user.ErrSMSAccount,
		"isv.AMOUNT_NOT_ENOUGH":           user.ErrSMSAccount,
		"SignatureDoesNotMatch":           user.ErrSMSAccount,
		"InvalidAccessKeyId.NotFound":     user.ErrSMSAccount,
		strings.Repeat("a long code", 99): user.ErrSMSUnavailable,
	} {
		server := httptest.NewServer(answer(code))
		err := open(t, server.URL).Send(t.Context(), usertest.NewMessage())
		server.Close()
		if !errors.Is(err, want) {
			t.Errorf("%.40q: %v, want %v", code, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), usertest.CanaryPhone) || len(err.Error()) > 400) {
			t.Errorf("%.40q: the error holds what the vendor said: %v", code, err)
		}
	}
}

// A failure of HTTP with OK in it counts: only the code decides.
func TestTheStatusDecidesNothing(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		status int
		code   string
		want   error
	}{{500, "OK", nil}, {200, "isp.SYSTEM_ERROR", user.ErrSMSUnavailable}} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(row.status)
			answer(row.code)(w, r)
		}))
		if err := open(t, server.URL).Send(t.Context(), usertest.NewMessage()); !errors.Is(err, row.want) {
			t.Errorf("%d %s: %v, want %v", row.status, row.code, err, row.want)
		}
		server.Close()
	}
}

func TestRegionsHaveTheirEndpoint(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"": "https://dysmsapi.aliyuncs.com", "cn-hangzhou": "https://dysmsapi.aliyuncs.com",
		"ap-southeast-1": "https://dysmsapi.ap-southeast-1.aliyuncs.com",
	} {
		if got := aliyunsms.Endpoint(region); got != want {
			t.Errorf("%q: %s, want %s", region, got, want)
		}
	}
}
