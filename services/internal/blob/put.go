// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"bytes"
	"context"
	"errors"
)

// putter writes a small blob by one request, over what lies there.
type putter interface {
	Put(ctx context.Context, key string, content []byte) (Object, error)
}

// Put writes a small blob that is in memory. Whoever puts twice under one key puts the same.
func Put(ctx context.Context, to Uploads, key string, content []byte) (Object, error) {
	if direct, ok := to.(putter); ok {
		return direct.Put(ctx, key, content)
	}
	u, err := to.Begin(ctx, key, int64(len(content)))
	if err != nil {
		return Object{}, err
	}
	if u, err = to.Append(ctx, u, bytes.NewReader(content)); err != nil {
		return Object{}, errors.Join(err, to.Abort(ctx, u))
	}
	return to.Finish(ctx, u)
}
