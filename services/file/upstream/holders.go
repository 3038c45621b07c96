// SPDX-License-Identifier: Apache-2.0

// Package upstream asks the services that show files.
package upstream

import (
	"context"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Holders implements the port of the same name. Nothing but its owner reads a file yet, and whatever is
// cited is kept.
type Holders struct{}

// Readable picks none.
func (Holders) Readable(context.Context, ids.UserID, []ids.FileID) ([]ids.FileID, error) {
	return nil, nil
}

// Shown keeps all.
func (Holders) Shown(_ context.Context, citations []file.Citation) ([]bool, error) {
	shown := make([]bool, len(citations))
	for i := range shown {
		shown[i] = true
	}
	return shown, nil
}
