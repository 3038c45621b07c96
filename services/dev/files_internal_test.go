// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	fileserver "github.com/parley-chat/parley/services/file/server"
)

func TestFilesAreWhereTheEnvironmentSays(t *testing.T) {
	t.Parallel()
	bucket := map[string]string{
		"PARLEY_S3_BUCKET": "chat", "PARLEY_S3_ACCESS_KEY_ID": "id", "PARLEY_S3_SECRET_ACCESS_KEY": "hidden",
		"PARLEY_S3_ENDPOINT": "https://s3.inside:9000", "PARLEY_S3_PUBLIC_ENDPOINT": "https://s3.example.com",
	}
	for name, row := range map[string]struct {
		environ map[string]string
		want    map[string]string
		origin  string
	}{
		"below the data folder": {nil, map[string]string{"PARLEY_FILE_DIR": "data/files"}, ""},
		"not without a bucket":  {map[string]string{"PARLEY_S3_PUBLIC_ENDPOINT": "https://s3.example.com"}, map[string]string{"PARLEY_FILE_DIR": "data/files"}, ""},
		"in a bucket":           {bucket, bucket, "https://s3.example.com"},
	} {
		s := &system{environ: row.environ, folder: &folder{path: "data"}, doors: &doors{filesOrigin: "http://127.0.0.1:9"}}
		got := s.fileSettings()
		if got["PARLEY_FILES_ORIGIN"] != "http://127.0.0.1:9" {
			t.Errorf("%s: the origin of files is %q", name, got["PARLEY_FILES_ORIGIN"])
		}
		delete(got, "PARLEY_FILES_ORIGIN")
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		s3, err := fileserver.LoadS3(got)
		if err != nil {
			t.Fatal(err)
		}
		if origin := objectStoreOrigin(s3); origin != row.origin {
			t.Errorf("%s: pages may reach %q, want %q", name, origin, row.origin)
		}
	}
}
