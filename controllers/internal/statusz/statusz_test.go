// SPDX-License-Identifier: Apache-2.0

package statusz_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/controllers/internal/statusz"
)

// pod serves answer at the path of a pod's status, and answers its address.
func pod(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != component.StatusPath {
			t.Errorf("asked for %s", r.URL.Path)
		}
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestGetReadsAStatus(t *testing.T) {
	t.Parallel()
	address := pod(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"component": "gateway", "version": "0.1.0", "gateway": {"sessions": 7}}`))
	})
	status, err := statusz.NewClient(1).Get(t.Context(), address)
	if err != nil || status.Version != "0.1.0" || status.Gateway == nil || status.Gateway.Sessions != 7 {
		t.Errorf("got %+v, %v", status, err)
	}
}

func TestGetFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	elsewhere := pod(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	address := pod(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+elsewhere+component.StatusPath, http.StatusFound)
	})
	if status, err := statusz.NewClient(1).Get(t.Context(), address); err == nil {
		t.Errorf("got %+v", status)
	}
}

func TestGetReadsNoEndlessAnswer(t *testing.T) {
	t.Parallel()
	address := pod(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"version": "`))
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat("1", 4<<10))); err != nil {
				return
			}
		}
	})
	if status, err := statusz.NewClient(1).Get(t.Context(), address); err == nil {
		t.Errorf("got a version of %d bytes", len(status.Version))
	}
}

func TestOneClientAsksAFewAtOnce(t *testing.T) {
	t.Parallel()
	const atOnce, asked = 2, 8
	var now, most atomic.Int32
	address := pod(t, func(w http.ResponseWriter, _ *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		_, _ = w.Write([]byte(`{}`))
	})
	client := statusz.NewClient(atOnce)
	var all sync.WaitGroup
	for range asked {
		all.Go(func() {
			if _, err := client.Get(t.Context(), address); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if most.Load() > atOnce {
		t.Errorf("%d at once", most.Load())
	}
}

func TestGetGivesUpWithItsCaller(t *testing.T) {
	t.Parallel()
	inside, leave := make(chan struct{}), make(chan struct{})
	address := pod(t, func(http.ResponseWriter, *http.Request) {
		close(inside)
		<-leave
	})
	client := statusz.NewClient(1)
	var first sync.WaitGroup
	first.Go(func() { _, _ = client.Get(t.Context(), address) })
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Get(ctx, address); err == nil {
		t.Error("got a slot that is taken")
	}
	close(leave)
	first.Wait()
}
