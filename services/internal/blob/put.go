// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"bytes"
	"context"
	"errors"
)

// Put writes a small blob that is in memory.
func Put(ctx context.Context, to Uploads, key string, content []byte) (Object, error) {
	u, err := to.Begin(ctx, key, int64(len(content)))
	if err != nil {
		return Object{}, err
	}
	if u, err = to.Append(ctx, u, bytes.NewReader(content)); err != nil {
		return Object{}, errors.Join(err, to.Abort(ctx, u))
	}
	return to.Finish(ctx, u)
}
