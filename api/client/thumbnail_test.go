// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/parley-chat/parley/api/client"
)

func TestASmallerPictureIsChosenByItsSize(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		presign  bool
		side     int
		fates    map[int]*fate
		want     int // place of the picture
		requests []string
	}{
		"any":                    {false, 0, nil, 0, []string{"GET 0"}},
		"as large as the first":  {false, 320, nil, 0, []string{"GET 0"}},
		"larger than the first":  {false, 321, nil, 1, []string{"GET 0"}},
		"larger than all":        {false, 5000, nil, 1, []string{"GET 0"}},
		"cut":                    {false, 320, map[int]*fate{1: {after: 100}}, 0, []string{"GET 0", "GET 0"}},
		"standing still":         {false, 320, map[int]*fate{1: {after: 100, silent: true}}, 0, []string{"GET 0", "GET 0"}},
		"a link too old":         {false, 320, map[int]*fate{1: {refuse: refusal(connect.CodePermissionDenied, "LINK_EXPIRED", 0)}}, 0, []string{"GET 0", "GET 0"}},
		"from the store":         {true, 320, nil, 0, []string{"GET store 0"}},
		"refused by the store":   {true, 320, map[int]*fate{1: {status: http.StatusForbidden}}, 0, []string{"GET store 0", "GET 0"}},
		"a store that went away": {true, 320, map[int]*fate{1: {after: 0}}, 0, []string{"GET store 0", "GET 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, f *fake) {
				pictures := [][]byte{noise(2000), noise(9000)}
				id := f.files.put(noise(90_000))
				f.files.shrink(id, pictures...)
				f.files.presign, f.files.onBytes = row.presign, nth(row.fates)
				got, err := idle(t, f).Thumbnail(t.Context(), id, row.side)
				if err != nil {
					t.Fatal(err)
				}
				same(t, "picture", pictures[row.want], got)
				check(t, "requests", row.requests, f.files.saw())
			})
		})
	}
}

func TestAPictureThatCannotBeHad(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, f *fake) {
		c := idle(t, f)
		if _, err := c.Thumbnail(t.Context(), f.files.put(noise(1000)), 320); !errors.Is(err, client.ErrNoThumbnail) {
			t.Errorf("of a file without: %v", err)
		}
		_, err := c.Thumbnail(t.Context(), "nothing", 320)
		isRefused(t, err, "NOT_FOUND")
		check(t, "requests", []string(nil), f.files.saw())
		id := f.files.put(noise(1000))
		f.files.shrink(id, noise(100))
		tune(f.files, &f.files.onBytes, func(*http.Request, int) *fate { return &fate{after: 0} })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if _, err := c.Thumbnail(ctx, id, 320); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after ten minutes: %v", err)
		}
	})
}
