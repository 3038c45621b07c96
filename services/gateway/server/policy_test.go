// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/parley-chat/parley/services/gateway/web"
	"github.com/parley-chat/parley/services/internal/broker/membroker"
)

func TestThePageReachesWhatItNeedsAndNothingElse(t *testing.T) {
	t.Parallel()
	const files, store = "https://files.example", "https://chat.s3.example:9000"
	for name, row := range map[string]struct {
		environ map[string]string
		more    string // sources of connect-src
	}{
		"all through the chat":     {},
		"an object store":          {map[string]string{"PARLEY_OBJECT_STORE_ORIGIN": store}, " " + store},
		"files by themselves":      {map[string]string{"PARLEY_FILES_ORIGIN": files}, " " + files},
		"both, each for one's own": {map[string]string{"PARLEY_FILES_ORIGIN": files, "PARLEY_OBJECT_STORE_ORIGIN": store}, " " + files + " " + store},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{bus: membroker.New(), prefix: "gateway", environ: row.environ}
			w.begin(t, 1)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.addrs[0]+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := new(http.Client).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			own := "connect-src 'self' ws://" + w.addrs[0] + " wss://" + w.addrs[0]
			want := strings.Replace(web.ContentSecurityPolicy, "connect-src 'self'", own+row.more, 1)
			if got := answer.Header.Get("Content-Security-Policy"); got != want {
				t.Errorf("policy\n%s\nwant\n%s", got, want)
			}
		})
	}
}
