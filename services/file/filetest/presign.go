// SPDX-License-Identifier: Apache-2.0

package filetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"net/url"

	"github.com/parley-chat/parley/services/file"
	"github.com/parley-chat/parley/services/internal/blob"
)

// Origin of the store in memory, where clients can reach it.
const Origin = "https://store.example/"

// ErrRefused is what the store answers to a presigned request that does not fit.
var ErrRefused = errors.New("the store refuses this request")

var _ blob.Presigner = (*Blobs)(nil)

// PresignPut makes an address that says all.
func (b *Blobs) PresignPut(_ context.Context, put blob.PresignedPut) (blob.Request, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	address := Origin + put.Key
	b.allowed[address] = put
	return blob.Request{Method: "PUT", URL: address, Headers: map[string]string{"Signed": "yes"}}, nil
}

// PresignGet makes an address that says all.
func (b *Blobs) PresignGet(_ context.Context, get blob.PresignedGet) (blob.Request, error) {
	query := url.Values{"type": {get.Type}, "disposition": {get.Disposition}, "lifetime": {get.Lifetime.String()}}
	return blob.Request{Method: "GET", URL: Origin + get.Key + "?" + query.Encode()}, nil
}

// Send is a client that uses a presigned request; of its time the caller knows.
func (b *Blobs) Send(p *file.Presigned, content []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	put, ok := b.allowed[p.URL]
	if !ok || int64(len(content)) != put.Size || sha256.Sum256(content) != put.SHA256 {
		return ErrRefused
	}
	b.whole[put.Key] = bytes.Clone(content)
	return nil
}

// Plant puts a blob there that nobody has checked.
func (b *Blobs) Plant(key string, content []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.whole[key] = bytes.Clone(content)
}
