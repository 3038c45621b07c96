// SPDX-License-Identifier: Apache-2.0

// Package s3test gives tests buckets of their own on a real S3 server.
package s3test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/parley-chat/parley/services/internal/blob/s3blob"
	"github.com/parley-chat/parley/services/internal/secret"
)

// Config of the server that the environment names, without a bucket.
func Config(t testing.TB) s3blob.Config {
	t.Helper()
	if os.Getenv("PARLEY_TEST_S3_ENDPOINT") == "" {
		text := "needs an S3 server: run `make test`, or set PARLEY_TEST_S3_ENDPOINT, _ACCESS_KEY_ID and _SECRET_ACCESS_KEY"
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	return s3blob.Config{
		Endpoint: os.Getenv("PARLEY_TEST_S3_ENDPOINT"), PathStyle: true,
		AccessKeyID:     os.Getenv("PARLEY_TEST_S3_ACCESS_KEY_ID"),
		SecretAccessKey: secret.New(os.Getenv("PARLEY_TEST_S3_SECRET_ACCESS_KEY")),
		Timeout:         2 * time.Minute, // of a slow machine
	}
}

var made atomic.Int64

// MakeBucket makes an empty one and configures it.
func MakeBucket(t testing.TB, c s3blob.Config) s3blob.Config {
	t.Helper()
	c.Bucket = fmt.Sprintf("test-%d-%d", os.Getpid(), made.Add(1))
	client := s3.New(s3.Options{
		BaseEndpoint: &c.Endpoint, UsePathStyle: true, Region: s3blob.DefaultRegion,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey.Reveal()}, nil
		}),
	})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &c.Bucket}); err != nil {
		t.Fatal(err)
	}
	return c
}

// Open opens the store.
func Open(t testing.TB, c s3blob.Config) *s3blob.Store {
	t.Helper()
	store, err := s3blob.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return store
}
