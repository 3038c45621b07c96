// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestADoctorOfFiles(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status     int
		code, want string
	}{
		"a bucket that is there": {http.StatusOK, "", "the bucket is there"},
		"keys that are wrong":    {http.StatusForbidden, "InvalidAccessKeyId", "correct access-key-id"},
		"a clock that is wrong":  {http.StatusForbidden, "RequestTimeTooSkewed", "the clock of this machine"},
		"no bucket":              {http.StatusNotFound, "NoSuchBucket", "make the bucket"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(row.status)
				if row.code == "" {
					_, _ = w.Write([]byte(`<ListBucketResult><Name>acme</Name><KeyCount>0</KeyCount></ListBucketResult>`))
					return
				}
				_, _ = fmt.Fprintf(w, `<Error><Code>%s</Code><Message>hunter2</Message></Error>`, row.code)
			}))
			t.Cleanup(store.Close)
			out, err := parley(t, map[string]string{
				"PARLEY_S3_ENDPOINT": store.URL, "PARLEY_S3_TLS": "Disabled", "PARLEY_S3_BUCKET": "acme",
				"PARLEY_S3_ACCESS_KEY_ID": "id", "PARLEY_S3_SECRET_ACCESS_KEY": "hunter2",
			}, "doctor")
			if err == nil || !strings.Contains(out, row.want) || strings.Contains(out, "hunter2") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	for setting, want := range map[string]string{"http://127.0.0.1:1": "set PARLEY_S3_TLS to Disabled", "https://127.0.0.1:1": "check that the object store runs"} {
		out, err := parley(t, map[string]string{
			"PARLEY_S3_ENDPOINT": setting, "PARLEY_S3_BUCKET": "acme", "PARLEY_S3_ACCESS_KEY_ID": "id", "PARLEY_S3_SECRET_ACCESS_KEY": "hunter2",
		}, "doctor")
		if err == nil || !strings.Contains(out, want) || strings.Contains(out, "hunter2") {
			t.Errorf("%s: %v\n%s", setting, err, out)
		}
	}
	if out, _ := parley(t, map[string]string{}, "doctor"); strings.Contains(out, "object store") {
		t.Errorf("nobody asked for files:\n%s", out)
	}
}
