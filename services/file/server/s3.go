// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/blob/s3blob"
	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/secret"
)

// S3Config says where an object store is. Without a bucket there is none.
type S3Config struct {
	// Endpoint is http(s)://host:port; empty: that of AWS in the region.
	Endpoint string `env:"PARLEY_S3_ENDPOINT"`
	Bucket   string `env:"PARLEY_S3_BUCKET"`
	Region   string `env:"PARLEY_S3_REGION" envDefault:"us-east-1"`
	// PathStyle has the bucket in the path, not in the name of the host.
	PathStyle bool `env:"PARLEY_S3_PATH_STYLE" envDefault:"true"`
	// PublicEndpoint is where clients reach the store; empty: all bytes pass this service.
	PublicEndpoint string `env:"PARLEY_S3_PUBLIC_ENDPOINT"`
	// AccessKeyID and SecretAccessKey are who we are; SessionToken belongs to keys that end.
	AccessKeyID     string        `env:"PARLEY_S3_ACCESS_KEY_ID"`
	SecretAccessKey secret.String `env:"PARLEY_S3_SECRET_ACCESS_KEY"`
	SessionToken    secret.String `env:"PARLEY_S3_SESSION_TOKEN"`
	// TLS and CAFile say whom to trust; see certificate.Files.
	TLS    certificate.Mode `env:"PARLEY_S3_TLS" envDefault:"VerifyFull"`
	CAFile string           `env:"PARLEY_S3_CA_FILE"`
}

// Validate tells all that is wrong. The endpoint is looked at when the binding completes it.
func (c S3Config) Validate() error {
	if c.Bucket == "" {
		return nil
	}
	var problems []error
	if c.AccessKeyID == "" || c.SecretAccessKey.IsZero() {
		problems = append(problems, errors.New("PARLEY_S3_ACCESS_KEY_ID and PARLEY_S3_SECRET_ACCESS_KEY must be set where PARLEY_S3_BUCKET is"))
	}
	if _, err := c.open(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// LoadS3 reads what is said of the object store alone, as the file service sees it.
func LoadS3(environ map[string]string) (S3Config, error) {
	return process.LoadConfigOf[S3Config](environ, component.File)
}

// open does not connect.
func (c S3Config) open() (*s3blob.Store, error) {
	return s3blob.Open(s3blob.Config{
		Endpoint: c.Endpoint, PublicEndpoint: c.PublicEndpoint, Region: c.Region, Bucket: c.Bucket, PathStyle: c.PathStyle,
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		TLS: certificate.Files{Mode: c.TLS, CA: c.CAFile},
	})
}

// Check asks the store whether its bucket is there, without changing it. The detail of an error tells no secret.
func (c S3Config) Check(ctx context.Context) (component.Class, error) {
	store, err := c.open()
	if err != nil {
		return component.ClassUnfit, err
	}
	err = store.Check(ctx)
	return classOf(err), err
}

// classOf what is wrong with an object store, for the status.
func classOf(err error) component.Class {
	switch {
	case err == nil:
		return component.ClassReachable
	case errors.Is(err, blob.ErrForbidden), errors.Is(err, blob.ErrClock): // a signature of another time is refused
		return component.ClassAuthFailed
	case errors.Is(err, blob.ErrCertificate):
		return component.ClassTLSFailed
	case errors.Is(err, blob.ErrUnfit):
		return component.ClassUnfit
	default:
		return component.ClassUnreachable
	}
}
