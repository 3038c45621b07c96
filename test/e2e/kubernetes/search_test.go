// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package kubernetes_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-chat/parley/api/component"
	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
	"github.com/parley-chat/parley/test/integration/people"
	"github.com/parley-chat/parley/test/integration/servers"
)

const (
	searchSecret = "talk-search"
	searchCall   = "parley.message.v1.MessageService/Search"
	// searchUsersCall finds people by nickname.
	searchUsersCall = "parley.friend.v1.FriendService/SearchUsers"
	sendCall        = "parley.message.v1.MessageService/Send"
)

// TestSearchComesAndGoes: an Elasticsearch that is bound by Secret finds what was said before it came. While
// it is stopped the status says so, people write on, and search says that it is away; when it is back, what
// was said meanwhile is found. Nothing is restarted by hand.
func TestSearchComesAndGoes(t *testing.T) {
	c := install(t, "e2e-search")
	port, err := servers.FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	index, err := servers.StartElasticsearch(t.Context(), t.TempDir(), servers.ElasticsearchOptions{Port: port, Host: storeAddress})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(index.Stop)
	gateways, err := c.seatURLs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	anna, bo := people.Register(t, gateways[0], "anna"), people.Register(t, gateways[1], "bo")
	talk := people.Befriend(t, anna, bo)
	say := func(text string) { anna.Do(t, sendCall, people.Text(talk, text), &messagev1.SendResponse{}) }
	say("明天十点在上海开会")
	if got := bo.Try(t, searchCall, &messagev1.SearchRequest{Query: "上海"}); got.Reason != "SEARCH_UNAVAILABLE" {
		t.Errorf("without an index: %s", got)
	}
	if got := anna.Try(t, searchUsersCall, &friendv1.SearchUsersRequest{Query: "bo"}); got.Reason != "SEARCH_UNAVAILABLE" {
		t.Errorf("a nickname without an index: %s", got)
	}
	err = errors.Join(
		c.secret(t.Context(), searchSecret, map[string]string{
			"host": storeAddress, "port": strconv.Itoa(port), "username": storeUser, "password": password,
		}),
		c.patch(t.Context(), map[string]any{"dependencies": map[string]any{
			"elasticsearch": map[string]any{"secretRef": map[string]any{"name": searchSecret}, "tls": "Disabled"},
		}}),
		c.ready(t.Context()), c.agrees(t.Context(), current), c.finds(t, bo, "上海"), c.findsPerson(t, anna, bo, "bo"),
	)
	if err != nil {
		t.Fatal(err)
	}
	index.Stop()
	if err := c.reason(t.Context(), chatv1alpha1.ConditionDependenciesReady, "ElasticsearchUnreachable"); err != nil {
		t.Error(err)
	}
	if err := c.reason(t.Context(), chatv1alpha1.ConditionAvailable, chatv1alpha1.ReasonDegraded); err != nil {
		t.Error(err)
	}
	page, err := c.parley(t.Context(), "status", chatName)
	t.Logf("while Elasticsearch is stopped:\n%s", page)
	if err != nil || !strings.Contains(page, "elasticsearch") {
		t.Errorf("kubectl parley status does not name elasticsearch: %v\n%s", err, page)
	}
	if got := bo.Try(t, searchCall, &messagev1.SearchRequest{Query: "上海"}); got.Reason != "SEARCH_UNAVAILABLE" {
		t.Errorf("with a stopped index: %s", got)
	}
	say("北京也可以")
	if err := errors.Join(index.Restart(t.Context()), c.ready(t.Context()), c.finds(t, bo, "北京"), c.finds(t, bo, "上海")); err != nil {
		t.Error(err)
	}
	if err := c.reason(t.Context(), chatv1alpha1.ConditionDependenciesReady, chatv1alpha1.ReasonReachable); err != nil {
		t.Error(err)
	}
	c.rebuilds(t)
	if err := errors.Join(c.finds(t, bo, "北京"), c.finds(t, bo, "上海")); err != nil {
		t.Error(err)
	}
}

// rebuilds fills the index anew by the Job of the operator, and replaces no pod.
func (c *chat) rebuilds(t *testing.T) {
	t.Helper()
	before, err := c.pods(t.Context(), string(component.Message))
	if err != nil {
		t.Fatal(err)
	}
	said, err := c.parley(t.Context(), "reindex", chatName, "--wait", "--timeout", "5m")
	t.Logf("kubectl parley reindex:\n%s", said)
	if err != nil || !strings.Contains(said, "2 of 2 messages") || !strings.Contains(said, "The new index serves") {
		t.Errorf("the rebuild: %v\n%s", err, said)
	}
	page, err := c.parley(t.Context(), "status", chatName)
	if err != nil || !strings.Contains(page, "rebuild completed") {
		t.Errorf("kubectl parley status does not tell of the rebuild: %v\n%s", err, page)
	}
	if err := c.reason(t.Context(), chatv1alpha1.ConditionSearchRebuilding, chatv1alpha1.ReasonRebuilt); err != nil {
		t.Error(err)
	}
	after, err := c.pods(t.Context(), string(component.Message))
	if err != nil || len(after) != len(before) || after[0].UID != before[0].UID {
		t.Errorf("pods of message were replaced: %v", err)
	}
}

// findsPerson waits until a person finds another one by nickname.
func (c *chat) findsPerson(t *testing.T, p, other *people.Person, query string) error {
	return until(t.Context(), func(context.Context) error {
		got := p.Try(t, searchUsersCall, &friendv1.SearchUsersRequest{Query: query})
		if got.String() != "ok" || !strings.Contains(string(got.Body), other.ID) {
			return fmt.Errorf("%s is not found: %s %s", query, got, got.Body)
		}
		return nil
	})
}

// finds waits until a person finds one message.
func (c *chat) finds(t *testing.T, p *people.Person, query string) error {
	return until(t.Context(), func(context.Context) error {
		got := p.Try(t, searchCall, &messagev1.SearchRequest{Query: query})
		if got.String() != "ok" || !strings.Contains(string(got.Body), `"spans"`) {
			return fmt.Errorf("%s is not found: %s %s", query, got, got.Body)
		}
		return nil
	})
}
