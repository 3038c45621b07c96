// SPDX-License-Identifier: Apache-2.0

package s3blob

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
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
	DefaultTimeout = 30 * time.Second
	DefaultTurn    = 2 * time.Second
	DefaultRegion  = "us-east-1"

	attempts      = 4
	maxBackoff    = 3 * time.Second
	dialTimeout   = 5 * time.Second
	answerTimeout = 15 * time.Second // from the last byte sent to the first that comes back
	stallTimeout  = 15 * time.Second // between two reads
	idleTimeout   = 50 * time.Second // shorter than what servers keep
	idlePerHost   = 32

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
	Timeout         time.Duration // of a call, with its repetitions
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
	if c.Turn <= 0 {
		c.Turn = DefaultTurn
	}
	options, err := c.options(c.Endpoint)
	if err != nil {
		return nil, err
	}
	silent := &atomic.Bool{}
	options.HTTPClient = noting{options.HTTPClient, silent}
	public := options
	if c.PublicEndpoint != "" {
		if public, err = c.options(c.PublicEndpoint); err != nil {
			return nil, err
		}
	}
	return &Store{
		client: s3.New(options),
		presigner: s3.NewPresignClient(s3.New(public), func(o *s3.PresignOptions) {
			// What a client has to send is in headers that are signed.
			signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableHeaderHoisting, o.DisableURIPathEscaping = true, true })
			if o.Presigner = signer; c.Now != nil {
				o.Presigner = clocked{signer, c.Now}
			}
		}),
		bucket: c.Bucket, prefix: c.Prefix, timeout: c.Timeout, turn: c.Turn, buffers: newBuffers(c.Memory),
		silent: silent,
	}, nil
}

func (c Config) options(endpoint string) (s3.Options, error) {
	secured, err := c.secured(endpoint)
	if err != nil {
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
		HTTPClient: client(secured),
		Retryer:    retryer(),
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

// secured is the TLS of an endpoint, nil for one without.
func (c Config) secured(endpoint string) (*tls.Config, error) {
	if endpoint == "" {
		return &tls.Config{MinVersion: tls.VersionTLS12}, nil
	}
	address, err := url.Parse(endpoint)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
		return nil, fmt.Errorf("%w: the endpoint must be http(s)://host:port", blob.ErrUnfit)
	}
	if address.Scheme == "http" {
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

func client(secured *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSClientConfig:       secured,
			TLSHandshakeTimeout:   dialTimeout,
			ResponseHeaderTimeout: answerTimeout,
			ExpectContinueTimeout: continueTimeout,
			IdleConnTimeout:       idleTimeout,
			MaxIdleConnsPerHost:   idlePerHost,
			DisableCompression:    true,
		},
		// An answer that leads elsewhere is none of a store: the signature is for one host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// noting remembers whether the store answers at all.
type noting struct {
	s3.HTTPClient

	silent *atomic.Bool
}

// Do sends a request. Who gives up its own request learns nothing of the store.
func (n noting) Do(r *http.Request) (*http.Response, error) {
	answer, err := n.HTTPClient.Do(r)
	if !errors.Is(err, context.Canceled) {
		n.silent.Store(err != nil)
	}
	return answer, err
}

// retryer repeats what may have been bad luck: no answer, too busy, or bytes that changed on their way.
func retryer() aws.Retryer {
	standard := retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = attempts, maxBackoff
		o.RateLimiter = ratelimit.None // each call has its own bound
	})
	return retry.AddWithErrorCodes(standard, "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody")
}
