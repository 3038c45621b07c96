// SPDX-License-Identifier: Apache-2.0

package s3blob

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/secret"
)

// Defaults of a Config, and bounds of connections: chosen; no evidence.
const (
	DefaultMemory  = 20 << 20 // four parts: 50 transfers at once stay below 64 MiB, garbage included
	DefaultTimeout = 10 * time.Second
	DefaultSilence = 5 * time.Second
	DefaultTurn    = 2 * time.Second
	DefaultRegion  = "us-east-1"

	attempts    = 4
	maxBackoff  = time.Second
	dialTimeout = 3 * time.Second
	partTimeout = 2 * time.Minute  // of a part that moves all the time, but slowly
	joinTimeout = 30 * time.Second // a store may copy all parts before it answers
	idleTimeout = 50 * time.Second // shorter than what servers keep
	idlePerHost = 32

	continueBytes   = 64 << 10
	continueTimeout = time.Second
)

// Config says where the bucket is.
type Config struct {
	Endpoint        string // http(s)://host:port; empty is AWS in the region
	PublicEndpoint  string // under which clients reach it; empty is Endpoint
	Region          string
	Bucket          string
	Prefix          string // of all keys, for a bucket that others use too; ends in a slash
	PathStyle       bool   // the bucket in the path, not in the name of the host
	AccessKeyID     string
	SecretAccessKey secret.String
	SessionToken    secret.String
	TLS             certificate.Files
	Memory          int64         // bytes that wait for their part; at least one part
	Timeout         time.Duration // of a call that moves few bytes, with its repetitions
	Silence         time.Duration // that a store may keep while it should take, give or answer something
	Turn            time.Duration // that a slow upload may keep memory for which others wait

	// Now is when presigned requests begin; nil: when they are made.
	Now func() time.Time
}

// Open makes a store. It does not connect: Check tells whether the bucket is there.
func Open(c Config) (*Store, error) {
	if c.Bucket == "" {
		return nil, fmt.Errorf("%w: no bucket is named", blob.ErrUnfit)
	}
	if c.Region == "" {
		c.Region = DefaultRegion
	}
	if c.Memory < blob.StepBytes {
		c.Memory = DefaultMemory
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Silence <= 0 {
		c.Silence = DefaultSilence
	}
	if c.Turn <= 0 {
		c.Turn = DefaultTurn
	}
	options, err := c.options(c.Endpoint)
	if err != nil {
		return nil, err
	}
	public := options
	if c.PublicEndpoint != "" {
		if public, err = c.options(c.PublicEndpoint); err != nil {
			return nil, err
		}
	}
	secured, err := c.secured()
	if err != nil {
		return nil, err
	}
	heart := &pulse{}
	options.HTTPClient = sender{client(secured, c.Silence, c.Silence), client(secured, c.Silence, joinTimeout), heart}
	return &Store{
		client: s3.New(options),
		presigner: s3.NewPresignClient(s3.New(public), func(o *s3.PresignOptions) {
			// What a client has to send is in headers that are signed.
			signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableHeaderHoisting, o.DisableURIPathEscaping = true, true })
			if o.Presigner = signer; c.Now != nil {
				o.Presigner = clocked{signer, c.Now}
			}
		}),
		bucket: c.Bucket, prefix: c.Prefix, timeout: c.Timeout, silence: c.Silence, turn: c.Turn, buffers: newBuffers(c.Memory),
		pulse: heart,
	}, nil
}

func (c Config) options(endpoint string) (s3.Options, error) {
	if _, err := parse(endpoint); err != nil {
		return s3.Options{}, err
	}
	options := s3.Options{
		Region:       c.Region,
		UsePathStyle: c.PathStyle,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey.Reveal(), SessionToken: c.SessionToken.Reveal(),
			}, nil
		}),
		Retryer: retryer(),
		// Bytes are signed with their SHA-256, which every server checks; newer sums not every one knows.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		// What a store refuses it may refuse before the bytes come, and hang up on those who send them all the
		// same: its answer would be lost.
		ContinueHeaderThresholdBytes: continueBytes,
		Logger:                       logging.Nop{},
	}
	if endpoint != "" {
		options.BaseEndpoint = aws.String(endpoint)
	}
	return options, nil
}

// parse reads an endpoint; an empty one is that of AWS, and nil.
func parse(endpoint string) (*url.URL, error) {
	if endpoint == "" {
		return nil, nil
	}
	address, err := url.Parse(endpoint)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
		return nil, fmt.Errorf("%w: the endpoint must be http(s)://host:port", blob.ErrUnfit)
	}
	return address, nil
}

// secured is the TLS of the endpoint, nil for one without. It reads the files of certificates.
func (c Config) secured() (*tls.Config, error) {
	address, err := parse(c.Endpoint)
	switch {
	case err != nil:
		return nil, err
	case address == nil:
		return &tls.Config{MinVersion: tls.VersionTLS12}, nil
	case address.Scheme == "http":
		return nil, nil
	}
	files := c.TLS
	if files.Mode == "" || files.Mode == certificate.Disabled {
		files.Mode = certificate.VerifyFull // what is https is verified
	}
	host := address.Hostname()
	if !c.PathStyle && net.ParseIP(host) == nil {
		host = "" // of the request, where the bucket is part of it
	}
	config, err := files.Config(host)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", blob.ErrCertificate, err)
	}
	return config, nil
}

// client waits so long for an answer, from the last byte sent to the first that comes back.
func client(secured *tls.Config, silence, answer time.Duration) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dial(silence),
			TLSClientConfig:       secured,
			TLSHandshakeTimeout:   dialTimeout,
			ResponseHeaderTimeout: answer,
			ExpectContinueTimeout: continueTimeout,
			IdleConnTimeout:       idleTimeout,
			MaxIdleConnsPerHost:   idlePerHost,
			DisableCompression:    true,
		},
		// An answer that leads elsewhere is none of a store: the signature is for one host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
