// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/parley-chat/parley/api/component"

// meaningOfFile goes on for what files need.
func meaningOfFile(variable string) string {
	switch variable {
	case component.EnvTranscripts:
		return "true where voice messages become text"
	case component.EnvFilesOrigin:
		return "separate origin of files, like https://files.example.org; empty: that of the chat"
	case component.EnvObjectStoreOrigin:
		return "origin of the object store for browsers, like https://s3.example.org; empty: they do not go there"
	case component.EnvFileMaxBytes:
		return "most bytes of one file"
	case component.EnvFileMaxImageBytes:
		return "most bytes of one picture"
	case component.EnvFileDailyBytes:
		return "most bytes that one person uploads in a day"
	case component.EnvFileDir:
		return "folder for files where no object store is"
	default:
		return meaningOfS3(variable)
	}
}

// meaningOfS3 goes on for the object store.
func meaningOfS3(variable string) string {
	switch variable {
	case component.EnvS3Endpoint:
		return "object store, http(s)://host:port; empty: that of AWS in the region"
	case component.EnvS3Bucket:
		return "bucket of this chat alone; empty: no object store"
	case component.EnvS3Region:
		return "region of the bucket"
	case component.EnvS3PathStyle:
		return "true: the bucket is in the path, false: in the name of the host"
	case component.EnvS3PublicEndpoint:
		return "object store as clients reach it, http(s)://host:port; empty: all bytes pass Parley"
	case component.EnvS3AccessKeyID, component.EnvS3SecretAccessKey:
		return "who we are there"
	case component.EnvS3SessionToken:
		return "goes with keys that end"
	case component.EnvS3TLS:
		return "VerifyFull or VerifyCA; Disabled for an endpoint with http"
	case component.EnvS3CA:
		return "file of certificates in PEM to trust; empty: the system's"
	default:
		return ""
	}
}
