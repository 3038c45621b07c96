// SPDX-License-Identifier: Apache-2.0

package process_test

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
)

// TestTheStoreOfFilesIsForTheFileService: what the binding and the operator say together.
func TestTheStoreOfFilesIsForTheFileService(t *testing.T) {
	t.Parallel()
	whole := map[string]string{
		"objectstore/type": "s3", "objectstore/uri": "https://s3.stores:9000\n", "objectstore/bucket": "other", "objectstore/region": "eu-1",
		"objectstore/access-key-id": "id", "objectstore/secret-access-key": "hidden\n", "objectstore/ca.crt": "PEM",
	}
	for name, row := range map[string]struct {
		environ, entries, want map[string]string
		says                   string
	}{
		"a server of one's own": {
			map[string]string{"PARLEY_S3_BUCKET": "acme", "PARLEY_S3_TLS": "VerifyCA"},
			whole,
			map[string]string{
				"PARLEY_S3_ENDPOINT": "https://s3.stores:9000", "PARLEY_S3_BUCKET": "acme", "PARLEY_S3_REGION": "eu-1",
				"PARLEY_S3_ACCESS_KEY_ID": "id", "PARLEY_S3_SECRET_ACCESS_KEY": "hidden", "PARLEY_S3_TLS": "VerifyCA",
				"PARLEY_S3_CA_FILE": "objectstore/ca.crt",
			},
			"",
		},
		"https is verified": {
			map[string]string{"PARLEY_S3_TLS": "Disabled", "PARLEY_S3_CA_FILE": "/etc/ca"},
			whole,
			map[string]string{
				"PARLEY_S3_ENDPOINT": "https://s3.stores:9000", "PARLEY_S3_BUCKET": "other", "PARLEY_S3_REGION": "eu-1",
				"PARLEY_S3_ACCESS_KEY_ID": "id", "PARLEY_S3_SECRET_ACCESS_KEY": "hidden", "PARLEY_S3_TLS": "VerifyFull",
				"PARLEY_S3_CA_FILE": "/etc/ca",
			},
			"",
		},
		"that of a company": {
			map[string]string{"PARLEY_S3_BUCKET": "acme", "PARLEY_S3_TLS": "Disabled"},
			map[string]string{"objectstore/access-key-id": "id", "objectstore/secret-access-key": "hidden"},
			map[string]string{"PARLEY_S3_BUCKET": "acme", "PARLEY_S3_ACCESS_KEY_ID": "id", "PARLEY_S3_SECRET_ACCESS_KEY": "hidden", "PARLEY_S3_TLS": "VerifyFull"},
			"",
		},
		"without TLS": {
			map[string]string{"PARLEY_S3_BUCKET": "acme", "PARLEY_S3_TLS": "Disabled"},
			map[string]string{"objectstore/uri": "http://s3:9000"},
			map[string]string{"PARLEY_S3_ENDPOINT": "http://s3:9000", "PARLEY_S3_BUCKET": "acme", "PARLEY_S3_TLS": "Disabled"},
			"",
		},
		"http where TLS is asked": {
			map[string]string{"PARLEY_S3_BUCKET": "acme"}, map[string]string{"objectstore/uri": "http://s3:9000"}, nil, "set PARLEY_S3_TLS to Disabled",
		},
		"an address of something else": {
			map[string]string{"PARLEY_S3_BUCKET": "acme"}, map[string]string{"objectstore/uri": "s3://hidden"}, nil, "must be https://host:port",
		},
		"a binding of something else": {nil, map[string]string{"objectstore/type": "mysql"}, nil, "objectstore/type must be s3"},
		"no store":                    {nil, nil, map[string]string{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := writeBinding(t, row.entries)
			environ := map[string]string{"SERVICE_BINDING_ROOT": root}
			maps.Copy(environ, row.environ)
			got, err := process.Complete(environ, component.File)
			if row.says != "" {
				if err == nil || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "hidden") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if row.want["PARLEY_S3_CA_FILE"] == "objectstore/ca.crt" {
				row.want["PARLEY_S3_CA_FILE"] = filepath.Join(root, "objectstore", "ca.crt")
			}
			maps.DeleteFunc(got, func(variable, _ string) bool { return !strings.HasPrefix(variable, "PARLEY_S3_") })
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
			other, err := process.Complete(environ, component.Message)
			if err != nil || other["PARLEY_S3_SECRET_ACCESS_KEY"] != "" {
				t.Errorf("message has the keys, or %v", err)
			}
		})
	}
}

func TestTheProviderOfSpeechIsForTheSpeechService(t *testing.T) {
	t.Parallel()
	root := writeBinding(t, map[string]string{"speech/api-key": "hidden\n", "speech/secret-key": "other"})
	for _, name := range component.All() {
		got, err := process.Complete(map[string]string{"SERVICE_BINDING_ROOT": root, "PARLEY_SPEECH_SECRET_KEY": "set"}, name)
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		if name == component.Speech {
			want = "hidden"
		}
		if got["PARLEY_SPEECH_API_KEY"] != want || got["PARLEY_SPEECH_SECRET_KEY"] != "set" {
			t.Errorf("%s: %q, %q", name, got["PARLEY_SPEECH_API_KEY"], got["PARLEY_SPEECH_SECRET_KEY"])
		}
	}
}
