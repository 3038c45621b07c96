// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net/http"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/ids"
)

// What one user may have under way at once, in this pod alone. Every transfer holds a connection to the file service,
// of which a pod has 256, and an upload memory there besides: somebody who lets all of theirs stand still takes a
// fourteenth. A browser has six connections to a host over HTTP/1.1; a phone and a computer that show pictures at the
// same time stay below twelve. Chosen; no evidence.
const (
	usualUploads   = 6
	usualDownloads = 12
	// transferRetry is about what a part or a picture takes.
	transferRetry = time.Second
)

// transfers counts the transfers of bytes of each user.
type transfers struct {
	uploads, downloads int // at most

	mu      sync.Mutex // guards running
	running map[transfer]int
}

// transfer is a kind of transfer of a user.
type transfer struct {
	user   ids.UserID
	upload bool
}

func newTransfers(l Limits) *transfers {
	t := &transfers{uploads: l.Uploads, downloads: l.Downloads, running: map[transfer]int{}}
	if t.uploads == 0 {
		t.uploads = usualUploads
	}
	if t.downloads == 0 {
		t.downloads = usualDownloads
	}
	return t
}

// begin takes a place, or tells that all are taken. Whoever got one calls end, whatever happens.
func (t *transfers) begin(user ids.UserID, method string) (end func(), err error) {
	which, name, most := transfer{user: user, upload: method == http.MethodPut}, "downloads_of_user", t.downloads
	if which.upload {
		name, most = "uploads_of_user", t.uploads
	}
	if method == http.MethodHead { // moves nothing
		return func() {}, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running[which] >= most {
		return nil, gateway.ErrRateLimited.With("limit", name).After(transferRetry)
	}
	t.running[which]++
	return func() { t.end(which) }, nil
}

func (t *transfers) end(which transfer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running[which]--; t.running[which] == 0 {
		delete(t.running, which)
	}
}
