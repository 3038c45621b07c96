// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// S3ProgramVariable names the program of the S3 server; hack/tool.sh versitygw --path prints it.
const S3ProgramVariable = "PARLEY_TEST_S3_PROGRAM"

// Keys of an S3 server, which may do everything there.
const (
	S3AccessKeyID     = "parley-test"
	S3SecretAccessKey = "parley-test-secret" // of a server on 127.0.0.1
)

// S3Region is where the server says it is.
const S3Region = "us-east-1"

// s3Ping bounds one question whether the server is up.
const s3Ping = 2 * time.Second

// s3Health is a path that answers as soon as the server takes requests; no bucket can have this name.
const s3Health = "/-health"

// S3Options choose how a server runs.
type S3Options struct {
	// Port to listen on; by default a free one.
	Port int
	// Host is one more address to listen on, beside 127.0.0.1.
	Host string
	// Certificate and Key are files in PEM for TLS; without them there is none.
	Certificate, Key string
}

// S3 is a server that keeps each bucket in a folder.
type S3 struct {
	program, dir string
	port         int
	options      S3Options
	proc         *process
}

// StartS3 starts the program that S3ProgramVariable names, with its data in dir, which must exist. It returns
// when the server answers, after less than a second.
func StartS3(ctx context.Context, dir string, o S3Options) (*S3, error) {
	program := os.Getenv(S3ProgramVariable)
	if program == "" {
		return nil, fmt.Errorf("%s names no program: set it to what `hack/tool.sh versitygw --path` prints", S3ProgramVariable)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &S3{program: program, dir: dir, port: o.Port, options: o}
	if s.port == 0 {
		if s.port, err = FreePort(ctx); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(s.data(), 0o700); err != nil {
		return nil, err
	}
	if err := s.Restart(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// URL is "http://127.0.0.1:<port>", https with a certificate.
func (s *S3) URL() string {
	if s.options.Certificate != "" {
		return "https://" + s.Addr()
	}
	return "http://" + s.Addr()
}

// Addr is "127.0.0.1:<port>", for proxies.
func (s *S3) Addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// MakeBucket makes a bucket, if it is not there, and returns the folder in which its objects are files.
func (s *S3) MakeBucket(name string) (folder string, err error) {
	folder = filepath.Join(s.data(), name)
	return folder, os.MkdirAll(folder, 0o700)
}

// Kill is SIGKILL; the data stay. It returns when the server is gone.
func (s *S3) Kill() { s.proc.kill() }

// Stop shuts the server down, if it runs.
func (s *S3) Stop() {
	if s.proc != nil {
		s.proc.stop()
	}
}

// Restart stops the server if it runs and starts it on the same port and data.
func (s *S3) Restart(ctx context.Context) (err error) {
	s.Stop()
	args := []string{"--port", s.Addr(), "--region", S3Region, "--keep-alive", "--health", s3Health, "--quiet"}
	if s.options.Host != "" {
		args = append(args, "--port", s.options.Host+":"+strconv.Itoa(s.port))
	}
	if s.options.Certificate != "" {
		args = append(args, "--cert", s.options.Certificate, "--key", s.options.Key)
	}
	env := append(os.Environ(), "ROOT_ACCESS_KEY="+S3AccessKeyID, "ROOT_SECRET_KEY="+S3SecretAccessKey)
	// Metadata beside the data, since not every file system takes them as attributes.
	meta := filepath.Join(s.dir, "metadata")
	if err := os.MkdirAll(meta, 0o700); err != nil {
		return err
	}
	args = append(args, "posix", "--sidecar", meta, s.data())
	if s.proc, err = start(ctx, s.log(), env, s.program, args...); err != nil {
		return err
	}
	return s.proc.ready(ctx, s.log(), s.ping)
}

func (s *S3) data() string { return filepath.Join(s.dir, "buckets") }

func (s *S3) log() string { return filepath.Join(s.dir, "s3.log") }

// ping asks whether the server takes requests.
func (s *S3) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s3Ping)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+s3Health, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // it only asks whether it is up
	}}
	answer, err := client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return nil
}
