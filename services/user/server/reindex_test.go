// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/page"
	"github.com/parley-chat/parley/services/internal/searchindex"
	"github.com/parley-chat/parley/services/internal/searchindex/elasticindex"
	"github.com/parley-chat/parley/services/internal/searchindex/indexer"
	"github.com/parley-chat/parley/services/internal/searchindex/indexserver"
	"github.com/parley-chat/parley/services/internal/searchindex/searchindextest"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/user"
	"github.com/parley-chat/parley/services/user/events"
	"github.com/parley-chat/parley/services/user/nameindex"
	"github.com/parley-chat/parley/services/user/numberplan"
	"github.com/parley-chat/parley/services/user/server"
	"github.com/parley-chat/parley/services/user/sqlstore"
	"github.com/parley-chat/parley/services/user/unicodetext"
	"github.com/parley-chat/parley/services/user/usertest"
)

// directory is a store of people with an index in a real Elasticsearch.
type directory struct {
	store   *sqlstore.Store
	index   *elasticindex.Index
	cfg     indexserver.RebuildSettings
	url     string
	service *user.Service
	people  map[string]ids.UserID // by nickname
}

func openDirectory(t *testing.T) *directory {
	t.Helper()
	url := os.Getenv("PARLEY_TEST_ELASTICSEARCH_URL")
	if url == "" {
		text := "needs an Elasticsearch: run `make test`, or set PARLEY_TEST_ELASTICSEARCH_URL"
		if os.Getenv("PARLEY_TEST_REQUIRE_SERVERS") == "1" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	prefix := "names-" + strconv.Itoa(os.Getpid())
	d := &directory{url: url + "/" + prefix + "-" + server.Indexed, people: map[string]ids.UserID{}}
	d.cfg = indexserver.RebuildSettings{
		MySQLDSN: secret.New("sqlite:" + filepath.Join(t.TempDir(), "user.db")), Search: indexserver.Settings{URL: secret.New(url), IndexPrefix: prefix},
	}
	db, err := sqldb.Open(sqldb.Config{DSN: d.cfg.MySQLDSN})
	if err == nil {
		t.Cleanup(func() { _ = db.Close() })
		err = db.Migrate(t.Context(), sqlstore.Migrations)
	}
	if err != nil {
		t.Fatal(err)
	}
	d.store = sqlstore.New(db, events.Encode)
	if d.index, err = d.cfg.Search.Elastic(server.Indexed); err != nil {
		t.Fatal(err)
	}
	d.service = user.New(user.Ports{
		Accounts: d.store, Names: d.store, Index: d.index, Records: d.store, Numbers: numberplan.Numbers{}, Text: unicodetext.Text{},
	}, user.Options{Now: usertest.NewClock().Now, Pages: page.NewCodec([]byte("a key for tests")), Logger: slog.New(slog.DiscardHandler)})
	for i, name := range searchindextest.Names() {
		d.people[name] = d.add(t, fmt.Sprintf("user%d", i), name)
	}
	t.Cleanup(func() {
		for generation := range 4 {
			d.call(t, http.MethodDelete, fmt.Sprintf("%s-%06d", d.url, generation))
		}
	})
	return d
}

// add stores an account.
func (d *directory) add(t *testing.T, username, nickname string) ids.UserID {
	t.Helper()
	account := user.Account{ID: ids.NewUser(), Username: username, Nickname: nickname}
	session := user.LoginSession{ID: ids.NewLoginSession(), UserID: account.ID, Device: usertest.NewDevice()}
	copy(session.TokenHash[:], account.ID[:])
	err := d.store.Create(t.Context(), user.NewAccount{
		Credentials: user.Credentials{Account: account, PasswordHash: "x"}, NicknameKey: []byte(username),
	}, session)
	if err != nil {
		t.Fatal(err)
	}
	return account.ID
}

func (*directory) call(t *testing.T, method, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// heal makes the index and fills it, as the service does.
func (d *directory) heal(t *testing.T) {
	t.Helper()
	_, err := d.index.Ensure(t.Context())
	if err == nil {
		err = indexer.Fill(t.Context(), nameindex.Source{Names: d.store}, d.index, "", func(indexer.Batch) error { return nil })
	}
	if err = errors.Join(err, d.index.Publish(t.Context())); err != nil {
		t.Fatal(err)
	}
	d.call(t, http.MethodPost, d.url+"/_refresh")
}

// accepts asks every query of the acceptance.
func (d *directory) accepts(t *testing.T, when string) {
	t.Helper()
	for _, row := range searchindextest.NameRows() {
		page, err := d.service.SearchUsers(t.Context(), user.Search{Query: row.Query, Part: user.OnlyNames})
		if err != nil {
			t.Fatalf("%s: %s: %v", when, row.Query, err)
		}
		var got []string
		for _, f := range slices.Backward(page.Found) {
			got = append(got, f.Account.Nickname)
		}
		if diff := cmp.Diff(row.Want, got); diff != "" {
			t.Errorf("%s: %s: %s (-want +got):\n%s", when, row.ID, row.Query, diff)
		}
	}
}

// People are found on a real Elasticsearch by all queries of the acceptance: when the index is new, when it was lost and
// came again, and when it was filled anew by the command. While it is away, search says so.
func TestF11_NamesAreFoundInElasticsearch(t *testing.T) {
	d := openDirectory(t)
	if _, err := d.service.SearchUsers(t.Context(), user.Search{Query: "萌"}); !errors.Is(err, user.ErrSearchUnavailable) {
		t.Errorf("without an index: %v, want SEARCH_UNAVAILABLE", err)
	}
	d.heal(t)
	d.accepts(t, "filled")
	if got := d.call(t, http.MethodDelete, d.url+"-000001"); got != http.StatusOK {
		t.Fatalf("delete the index: %d", got)
	}
	if _, err := d.service.SearchUsers(t.Context(), user.Search{Query: "萌"}); !errors.Is(err, user.ErrSearchUnavailable) {
		t.Errorf("with a lost index: %v, want SEARCH_UNAVAILABLE", err)
	}
	d.heal(t)
	d.accepts(t, "healed")
	last := int64(0)
	if err := indexserver.Rebuild(t.Context(), d.cfg, server.Collection(), "0.1.0", func(done, _ int64) { last = done }); err != nil {
		t.Fatal(err)
	}
	d.call(t, http.MethodPost, d.url+"/_refresh")
	if last != int64(len(d.people)) {
		t.Errorf("told of %d people of %d", last, len(d.people))
	}
	d.accepts(t, "filled anew")
	if _, err := d.index.Find(t.Context(), searchindex.Lookup{Limit: 1, Groups: []string{d.people["萌"].String()}}); err != nil {
		t.Error(err)
	}
}
