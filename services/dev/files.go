// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"strings"

	"github.com/parley-chat/parley/api/component"
	fileserver "github.com/parley-chat/parley/services/file/server"
)

// s3Prefix of the variables that name a bucket.
const s3Prefix = "PARLEY_S3_"

// fileSettings are where the bytes of files are: in the bucket that the environment names, else below the data
// folder.
func (s *system) fileSettings() map[string]string {
	settings := map[string]string{component.EnvFilesOrigin: s.doors.filesOrigin}
	if s.environ[component.EnvS3Bucket] == "" {
		settings[component.EnvFileDir] = s.folder.files()
		return settings
	}
	for key, value := range s.environ {
		if strings.HasPrefix(key, s3Prefix) {
			settings[key] = value
		}
	}
	return settings
}

// objectStoreOrigin is where pages reach that bucket; empty: nowhere.
func objectStoreOrigin(s3 fileserver.S3Config) string {
	if s3.Bucket == "" {
		return ""
	}
	return component.ObjectStoreOrigin(s3.PublicEndpoint, s3.Bucket, s3.PathStyle)
}
