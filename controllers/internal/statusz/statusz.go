// SPDX-License-Identifier: Apache-2.0

// Package statusz asks a pod for its status.
package statusz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/parley-chat/parley/api/component"
)

// maxBytes is far above any status and bounds what a wrong address can make us read.
const maxBytes = 64 << 10

// Get asks the ops port at address, a host with port. Its deadline is that of ctx.
func Get(ctx context.Context, address string) (status component.Status, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+component.StatusPath, nil)
	if err != nil {
		return status, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return status, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return status, fmt.Errorf("status %d", response.StatusCode)
	}
	return status, json.NewDecoder(io.LimitReader(response.Body, maxBytes)).Decode(&status)
}
