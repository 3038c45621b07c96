// SPDX-License-Identifier: Apache-2.0

package component

import (
	"net"
	"net/url"
	"strings"
)

// Environment keys of files.
const (
	// EnvFilesOrigin is the separate origin of files, like https://files.example.com; empty: they have that of the
	// chat. The gateway and the file service read it.
	EnvFilesOrigin = "PARLEY_FILES_ORIGIN"
	// EnvObjectStoreOrigin is where browsers reach the object store, like https://s3.example.com; empty: they do not.
	// The gateway reads it.
	EnvObjectStoreOrigin = "PARLEY_OBJECT_STORE_ORIGIN"
	// EnvFileMaxBytes and EnvFileMaxImageBytes bound one file and one picture, EnvFileDailyBytes what one person
	// brings in a day.
	EnvFileMaxBytes      = "PARLEY_FILE_MAX_BYTES"
	EnvFileMaxImageBytes = "PARLEY_FILE_MAX_IMAGE_BYTES"
	EnvFileDailyBytes    = "PARLEY_FILE_DAILY_BYTES"
	// EnvFileDir is a folder that keeps files where no object store is.
	EnvFileDir = "PARLEY_FILE_DIR"

	// EnvS3Endpoint is http(s)://host:port; empty: that of AWS in the region. The operator sets the bucket, the
	// region, whether the bucket is in the path, where clients reach the store, and TLS; the rest is the binding's.
	EnvS3Endpoint        = "PARLEY_S3_ENDPOINT"
	EnvS3Bucket          = "PARLEY_S3_BUCKET"
	EnvS3Region          = "PARLEY_S3_REGION"
	EnvS3PathStyle       = "PARLEY_S3_PATH_STYLE"
	EnvS3PublicEndpoint  = "PARLEY_S3_PUBLIC_ENDPOINT"
	EnvS3TLS             = "PARLEY_S3_TLS"
	EnvS3CA              = "PARLEY_S3_CA_FILE"
	EnvS3AccessKeyID     = "PARLEY_S3_ACCESS_KEY_ID"
	EnvS3SecretAccessKey = "PARLEY_S3_SECRET_ACCESS_KEY" //nolint:gosec // a name, no secret
	EnvS3SessionToken    = "PARLEY_S3_SESSION_TOKEN"     //nolint:gosec // a name, no secret
)

// Environment keys of speech.
const (
	// EnvTranscripts is true where voice messages become text.
	EnvTranscripts = "PARLEY_TRANSCRIPTS"
	// EnvSpeechProvider is Baidu, OpenAI or PocketSphinx.
	EnvSpeechProvider = "PARLEY_SPEECH_PROVIDER"
	// EnvSpeechURL, EnvSpeechModel and EnvSpeechLanguage are for OpenAI: the base of a server with
	// /v1/audio/transcriptions, and what it is asked for.
	EnvSpeechURL      = "PARLEY_SPEECH_URL"
	EnvSpeechModel    = "PARLEY_SPEECH_MODEL"
	EnvSpeechLanguage = "PARLEY_SPEECH_LANGUAGE"
	// EnvSpeechMaxDuration of a voice message that is transcribed.
	EnvSpeechMaxDuration = "PARLEY_SPEECH_MAX_DURATION"
	EnvSpeechAPIKey      = "PARLEY_SPEECH_API_KEY"    //nolint:gosec // a name, no secret
	EnvSpeechSecretKey   = "PARLEY_SPEECH_SECRET_KEY" //nolint:gosec // a name, no secret
	EnvSpeechCA          = "PARLEY_SPEECH_CA_FILE"
	// EnvSpeechFFmpeg and EnvSpeechPocketSphinx are programs; empty: as installed.
	EnvSpeechFFmpeg       = "PARLEY_SPEECH_FFMPEG"
	EnvSpeechPocketSphinx = "PARLEY_SPEECH_POCKETSPHINX"
	// EnvSpeechConcurrency is how many voice messages a pod reads at once.
	EnvSpeechConcurrency = "PARLEY_SPEECH_CONCURRENCY"
	// EnvSpeechDailyMinutes and EnvSpeechUserDailyMinutes bound what a pod reads in a day, in all and for one user.
	EnvSpeechDailyMinutes     = "PARLEY_SPEECH_DAILY_MINUTES"
	EnvSpeechUserDailyMinutes = "PARLEY_SPEECH_USER_DAILY_MINUTES"
)

// ObjectStoreOrigin is the origin of addresses below the public endpoint of an object store, as EnvObjectStoreOrigin
// wants it: with the bucket in the name of the host where it is neither to be in the path nor unfit for that (an address
// has no subdomains, and a certificate of one level covers no bucket with dots). Empty for what is no endpoint.
func ObjectStoreOrigin(publicEndpoint, bucket string, pathStyle bool) string {
	u, err := url.Parse(publicEndpoint)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	if pathStyle || bucket == "" || net.ParseIP(u.Hostname()) != nil || u.Scheme == "https" && strings.Contains(bucket, ".") {
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + "://" + bucket + "." + u.Host
}
