// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/lifecycle"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/bleveindex"
	"github.com/parley-chat/parley/services/internal/searchindex/elasticindex"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/telemetry"
	"github.com/parley-chat/parley/services/message"
	"github.com/parley-chat/parley/services/message/indexer"
)

// maxIndexReplicas is what the kind ChatCluster allows.
const maxIndexReplicas = 5

// SearchConfig says where the index of messages is. Without one, search is unavailable.
type SearchConfig struct {
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
func (c SearchConfig) Validate() error {
	var problems []error
	if u, err := url.Parse(c.URL.Reveal()); !c.URL.IsZero() && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil) {
		problems = append(problems, errors.New("PARLEY_ELASTICSEARCH_URL must be http(s)://host:port without user and password"))
	}
	if !c.APIKey.IsZero() && !c.Username.IsZero() {
		problems = append(problems, errors.New("PARLEY_ELASTICSEARCH_API_KEY and PARLEY_ELASTICSEARCH_USERNAME exclude each other"))
	}
	if c.IndexReplicas < 0 || c.IndexReplicas > maxIndexReplicas {
		problems = append(problems, fmt.Errorf("PARLEY_ELASTICSEARCH_INDEX_REPLICAS must be 0 to %d", maxIndexReplicas))
	}
	return errors.Join(problems...)
}

// open gives the index, nil where there is none, and a function that gives it back.
func (c SearchConfig) open() (index searchindex.Kept, closed func() error, err error) {
	closed = func() error { return nil }
	switch {
	case c.Folder != "":
		embedded, err := bleveindex.Open(c.Folder)
		if err != nil {
			return nil, closed, fmt.Errorf("open the search index in %s: %w", c.Folder, err)
		}
		return embedded, embedded.Close, nil
	case !c.URL.IsZero():
		index, err := c.Elastic()
		return index, closed, err
	default:
		return nil, closed, nil
	}
}

// LoadSearch reads what is said of the index alone, as the message service sees it.
func LoadSearch(environ map[string]string) (SearchConfig, error) {
	return process.LoadConfigOf[SearchConfig](environ, component.Message)
}

// Elastic is the index in Elasticsearch, which is not asked yet.
func (c SearchConfig) Elastic() (*elasticindex.Index, error) {
	trusted, err := certificate.Files{Mode: c.TLS, CA: c.CAFile}.Config("")
	if err != nil {
		return nil, fmt.Errorf("PARLEY_ELASTICSEARCH_TLS, PARLEY_ELASTICSEARCH_CA_FILE: %w", err)
	}
	return elasticindex.New(elasticindex.Options{
		URL: c.URL.Reveal(), Username: c.Username.Reveal(), Password: c.Password.Reveal(), APIKey: c.APIKey.Reveal(),
		TLS: trusted, Name: c.IndexPrefix + "-messages", Replicas: c.IndexReplicas, Now: time.Now,
	})
}

// finder is nil, and not a nil inside an interface, where there is no index.
func finder(index searchindex.Kept) message.Finder {
	if index == nil {
		return nil
	}
	return index
}

// keepIndex adds what keeps the index up to date and whole.
func keepIndex(group *lifecycle.Group, ops *telemetry.Ops, index searchindex.Kept, store message.Store, parts Parts, registry prometheus.Registerer) {
	if index == nil {
		return
	}
	var class atomic.Value // of an index in this process it stays empty
	ops.SetDependency(component.Elasticsearch, func() component.Class {
		latest, _ := class.Load().(component.Class)
		return latest
	})
	follower := indexer.New(indexer.Options{
		Subscriber: parts.Broker, Reader: store, Index: index, Now: time.Now, Logger: parts.Logger, Registerer: registry,
	})
	keeper := indexer.Keeper{Index: index, From: store, Logger: parts.Logger, After: follower.Hears(), Follower: follower, Saw: func(err error) {
		if _, embedded := index.(*bleveindex.Index); !embedded {
			class.Store(classOf(err))
		}
	}}
	group.Go("search index", keeper.Run)
	group.Go("search events", follower.Run)
}

// classOf what is wrong with an index, for the status.
func classOf(err error) component.Class {
	switch {
	case err == nil:
		return component.ClassReachable
	case errors.Is(err, searchindex.ErrForbidden):
		return component.ClassAuthFailed
	case errors.Is(err, searchindex.ErrCertificate):
		return component.ClassTLSFailed
	case errors.Is(err, searchindex.ErrUnfit):
		return component.ClassUnfit
	default:
		return component.ClassUnreachable
	}
}
