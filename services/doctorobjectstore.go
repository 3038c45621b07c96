// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/file/server"
	"github.com/parley-chat/parley/services/internal/process"
)

// checkObjectStore looks at the bucket of files; nothing where none is named.
func checkObjectStore(ctx context.Context, environ map[string]string) []finding {
	const check = "object store"
	environ, err := process.Complete(environ, component.File)
	if err != nil {
		return []finding{bad(check, "not readable", err.Error())}
	}
	if environ[component.EnvS3Bucket] == "" {
		return nil
	}
	cfg, err := server.LoadS3(environ)
	if err != nil {
		return []finding{bad(check, "no settings", err.Error())}
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	class, err := cfg.Check(ctx)
	switch class {
	case component.ClassReachable:
		return []finding{good(check, "the bucket is there")}
	case component.ClassAuthFailed:
		return []finding{bad(check, "refuses us", "correct access-key-id and secret-access-key, their rights on the bucket, and the clock of this machine")}
	case component.ClassTLSFailed:
		return []finding{bad(check, "not trusted", "correct ca.crt or PARLEY_S3_TLS")}
	case component.ClassUnfit:
		return []finding{bad(check, "no such bucket", "make the bucket, or correct PARLEY_S3_BUCKET, PARLEY_S3_REGION and PARLEY_S3_PATH_STYLE: "+err.Error())}
	default:
		return []finding{bad(check, "no", "check that the object store runs and that the uri of the binding, or PARLEY_S3_ENDPOINT, is right")}
	}
}
