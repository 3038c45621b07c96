// SPDX-License-Identifier: Apache-2.0

package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/file/filetest"
	"github.com/parley-chat/parley/services/file/httpapi"
	"github.com/parley-chat/parley/services/file/sqlstore"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb/sqldbtest"
)

// refuser answers with the reason alone.
type refuser struct{}

func (refuser) WriteError(w http.ResponseWriter, _ *http.Request, err error) {
	known, _ := fault.Of(err)
	http.Error(w, known.Reason(), http.StatusForbidden)
}

func TestALinkEndsAfterAMinute(t *testing.T) {
	t.Parallel()
	f := filetest.New(t, sqlstore.New(sqldbtest.Open(t, sqldbtest.SQLiteDSN(t), sqlstore.Migrations)), file.Limits{})
	ann := ids.NewUser()
	made := f.Make(t, ann, file.Plain, []byte("hello"))
	link := f.Show(t.Context(), ann, made, file.Shortest).Link.URL
	handler := httpapi.New(f.Service, refuser{})
	get := func(user ids.UserID, method, given string) string {
		t.Helper()
		request := httptest.NewRequestWithContext(identity.NewContext(t.Context(), identity.Caller{UserID: user}), method, link, nil)
		if given != "" {
			request.Header.Set("Range", given)
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		return answer.Body.String()
	}
	for _, row := range []struct {
		name       string
		after      time.Duration
		user       ids.UserID
		given      string
		want       string
		wantOfHead string
	}{
		{"at once", 0, ann, "", "hello", ""},
		{"at once, by somebody else", 0, ids.NewUser(), "", "LINK_FOREIGN\n", "LINK_FOREIGN\n"},
		{"at the last moment", time.Minute - time.Millisecond, ann, "bytes=1-2", "el", ""},
		{"after a minute", time.Millisecond, ann, "", "LINK_EXPIRED\n", "LINK_EXPIRED\n"},
		{"after a minute, a part", 0, ann, "bytes=1-2", "LINK_EXPIRED\n", "LINK_EXPIRED\n"},
		{"after a minute, by somebody else", 0, ids.NewUser(), "", "LINK_FOREIGN\n", "LINK_FOREIGN\n"},
	} {
		f.Clock.Advance(row.after)
		if got := get(row.user, http.MethodGet, row.given); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
		if got := get(row.user, http.MethodHead, row.given); got != row.wantOfHead {
			t.Errorf("%s, head: %q, want %q", row.name, got, row.wantOfHead)
		}
	}
}
