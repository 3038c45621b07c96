// SPDX-License-Identifier: Apache-2.0

// Package indexserver gives a service its index of texts: from settings to an index that is opened, followed, kept
// whole and told of in the status.
package indexserver

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/bleveindex"
	"github.com/parley-chat/parley/services/internal/searchindex/elasticindex"
	"github.com/parley-chat/parley/services/internal/secret"
)

// maxIndexReplicas is what the kind ChatCluster allows.
const maxIndexReplicas = 5

// Settings say where the index of a service is. Without one, what needs it is unavailable.
type Settings struct {
	// URL of Elasticsearch, without user and password.
	URL secret.String `env:"PARLEY_ELASTICSEARCH_URL"`
	// Username and Password, or APIKey.
	Username secret.String `env:"PARLEY_ELASTICSEARCH_USERNAME"`
	Password secret.String `env:"PARLEY_ELASTICSEARCH_PASSWORD"`
	APIKey   secret.String `env:"PARLEY_ELASTICSEARCH_API_KEY"`
	// TLS and CAFile say whom to trust; see certificate.Files.
	TLS    certificate.Mode `env:"PARLEY_ELASTICSEARCH_TLS" envDefault:"VerifyFull"`
	CAFile string           `env:"PARLEY_ELASTICSEARCH_CA_FILE"`
	// IndexPrefix stands before the names of indices.
	IndexPrefix string `env:"PARLEY_ELASTICSEARCH_INDEX_PREFIX" envDefault:"parley"`
	// IndexReplicas of each index.
	IndexReplicas int `env:"PARLEY_ELASTICSEARCH_INDEX_REPLICAS" envDefault:"1"`
	// Folder of an index in this process, instead of Elasticsearch.
	Folder string
}

// Validate tells all that is wrong.
func (s Settings) Validate() error {
	var problems []error
	if u, err := url.Parse(s.URL.Reveal()); !s.URL.IsZero() && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil) {
		problems = append(problems, errors.New("PARLEY_ELASTICSEARCH_URL must be http(s)://host:port without user and password"))
	}
	if !s.APIKey.IsZero() && !s.Username.IsZero() {
		problems = append(problems, errors.New("PARLEY_ELASTICSEARCH_API_KEY and PARLEY_ELASTICSEARCH_USERNAME exclude each other"))
	}
	if s.IndexReplicas < 0 || s.IndexReplicas > maxIndexReplicas {
		problems = append(problems, fmt.Errorf("PARLEY_ELASTICSEARCH_INDEX_REPLICAS must be 0 to %d", maxIndexReplicas))
	}
	return errors.Join(problems...)
}

// Open gives the index of a kind of texts ("messages"), nil where there is none, and a function that gives it
// back.
func (s Settings) Open(kind string) (index searchindex.Kept, closed func() error, err error) {
	closed = func() error { return nil }
	switch {
	case s.Folder != "":
		embedded, err := bleveindex.Open(s.Folder)
		if err != nil {
			return nil, closed, fmt.Errorf("open the search index in %s: %w", s.Folder, err)
		}
		return embedded, embedded.Close, nil
	case !s.URL.IsZero():
		index, err := s.Elastic(kind)
		if err != nil {
			return nil, closed, err
		}
		return index, closed, nil
	default:
		return nil, closed, nil
	}
}

// Elastic is the index of a kind of texts in Elasticsearch, which is not asked yet.
func (s Settings) Elastic(kind string) (*elasticindex.Index, error) {
	trusted, err := certificate.Files{Mode: s.TLS, CA: s.CAFile}.Config("")
	if err != nil {
		return nil, fmt.Errorf("PARLEY_ELASTICSEARCH_TLS, PARLEY_ELASTICSEARCH_CA_FILE: %w", err)
	}
	return elasticindex.New(elasticindex.Options{
		URL: s.URL.Reveal(), Username: s.Username.Reveal(), Password: s.Password.Reveal(), APIKey: s.APIKey.Reveal(),
		TLS: trusted, Name: s.IndexPrefix + "-" + kind, Replicas: s.IndexReplicas, Now: time.Now,
	})
}
