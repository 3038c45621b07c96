// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/blob"
)

func TestWhatIsWrongWithAnObjectStore(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]component.Class{
		nil: component.ClassReachable, blob.ErrForbidden: component.ClassAuthFailed, blob.ErrClock: component.ClassAuthFailed,
		blob.ErrCertificate: component.ClassTLSFailed, blob.ErrUnfit: component.ClassUnfit, blob.ErrUnavailable: component.ClassUnreachable,
	} {
		if err != nil {
			err = fmt.Errorf("%w: more of it", err)
		}
		if got := classOf(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

func TestSettingsOfAnObjectStore(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		environ map[string]string
		says    string
	}{
		"none":            {nil, ""},
		"one":             {map[string]string{"PARLEY_S3_BUCKET": "acme", "PARLEY_S3_ACCESS_KEY_ID": "id", "PARLEY_S3_SECRET_ACCESS_KEY": "hidden"}, ""},
		"without keys":    {map[string]string{"PARLEY_S3_BUCKET": "acme", "PARLEY_S3_ACCESS_KEY_ID": "id"}, "PARLEY_S3_SECRET_ACCESS_KEY must be set"},
		"not an endpoint": {map[string]string{"PARLEY_S3_BUCKET": "acme", "PARLEY_S3_ENDPOINT": "hidden"}, "must be https://host:port"},
		"not a place for clients": {map[string]string{
			"PARLEY_S3_BUCKET": "acme", "PARLEY_S3_ACCESS_KEY_ID": "id", "PARLEY_S3_SECRET_ACCESS_KEY": "hidden", "PARLEY_S3_PUBLIC_ENDPOINT": "s3.example.com",
		}, "must be http(s)://host:port"},
		"not a path style": {map[string]string{"PARLEY_S3_PATH_STYLE": "maybe"}, "PathStyle"},
	} {
		_, err := LoadS3(row.environ)
		if row.says == "" && err != nil || row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)) || err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
