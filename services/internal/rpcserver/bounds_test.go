// SPDX-License-Identifier: Apache-2.0

package rpcserver_test

import (
	"context"
	"sync"
	"testing"
	"time"

	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
	"github.com/parley-chat/parley/services/internal/rpcserver"
)

func TestAMethodMayHaveBoundsOfItsOwn(t *testing.T) {
	t.Parallel()
	var left time.Duration
	r := startBounded(t, func(ctx context.Context) (*userv1.GetMeResponse, error) {
		end, _ := ctx.Deadline()
		left = time.Until(end)
		return &userv1.GetMeResponse{}, nil
	}, map[string]rpcserver.Bounds{getMe: {RequestBytes: 3 << 20, Deadline: 20 * time.Second}})
	for name, row := range map[string]struct {
		path string
		size int
		want string
	}{
		"its bound":                 {getMe, 3 << 20, ""},
		"a byte more":               {getMe, 3<<20 + 1, "TOO_LARGE"},
		"others have the usual":     {getUser, 1<<20 + 1, "TOO_LARGE"},
		"a small one of the method": {getMe, 2, ""},
	} {
		if got := r.post(call{path: row.path, body: padded(row.size)}); got.Reason != row.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if left < 15*time.Second || left > 20*time.Second {
		t.Errorf("the call had %v", left)
	}
	if got := r.post(call{path: getMe, body: zip(t, padded(3<<20+1)), header: map[string]string{"Content-Encoding": "gzip"}}); got.Reason != "TOO_LARGE" {
		t.Errorf("a compressed one: %+v", got)
	}
}

func TestOnlySoManyCallsOfAMethodRunAtOnce(t *testing.T) {
	t.Parallel()
	entered, proceed := make(chan struct{}, 9), make(chan struct{})
	r := startBounded(t, func(context.Context) (*userv1.GetMeResponse, error) {
		entered <- struct{}{}
		<-proceed
		return &userv1.GetMeResponse{}, nil
	}, map[string]rpcserver.Bounds{getMe: {Parallel: 2}})
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() {
			if got := r.post(call{path: getMe, body: []byte("{}")}); got.Status != 200 {
				t.Errorf("%+v", got)
			}
		})
	}
	<-entered
	<-entered
	select {
	case <-entered:
		t.Error("a third call ran")
	case <-time.After(100 * time.Millisecond):
	}
	close(proceed)
	calls.Wait()
}
