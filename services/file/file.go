// SPDX-License-Identifier: Apache-2.0

package file

import (
	"crypto/sha256"
	"time"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Purpose is what a file is for.
type Purpose int

// The purposes, by the numbers of the contract.
const (
	Image Purpose = iota + 1
	Plain
	Voice
	Avatar
)

// isPicture tells purposes whose bytes must be a picture.
func (p Purpose) isPicture() bool { return p == Image || p == Avatar }

// State of a file.
type State int

// The states, in the order in which a file passes them.
const (
	// Uploading: bytes are missing, or not checked.
	Uploading State = iota + 1
	// Complete: checked; it can be shown.
	Complete
	// Removing: nobody sees it, its bytes are to be removed.
	Removing
	// Removed: its bytes are gone. The row stays for a while, so that a repeat is known again.
	Removed
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// File is a file or an upload, as it is stored.
type File struct {
	ID      ids.FileID
	Owner   ids.UserID
	Purpose Purpose
	State   State
	// Name is for people only.
	Name string
	Size int64
	// ContentType is what the owner says, and once the file is complete what the bytes are.
	ContentType string
	Hash        Hash
	// Key made the upload.
	Key ids.IdempotencyKey
	// Upload is where the write of the bytes stands; its key names them in the store for ever.
	Upload blob.Upload
	// ThumbnailKeys name the bytes of thumbnails to be, the smallest first.
	ThumbnailKeys []string
	// Failure is the reason that ended an upload, empty otherwise.
	Failure string
	// Times in ms. ExpiresAt is the end of an upload, and of the row of one that was removed.
	CreatedAt, ExpiresAt, CompletedAt int64
	// UncitedSince is since when nothing shows the complete file; 0 while something does.
	UncitedSince int64
	Facts
}

// Facts are what the bytes say of themselves.
type Facts struct {
	// Width and Height of a picture as it is shown.
	Width, Height int
	// Duration of a recording; 0 if the bytes do not tell.
	Duration time.Duration
	// Thumbnails, smallest first.
	Thumbnails []Thumbnail
}

// Thumbnail is a smaller picture of a file.
type Thumbnail struct {
	Width, Height int
	Size          int64
	ContentType   string
	Key           string // of its bytes
	Hash          Hash
}

// HolderKind is what shows a file.
type HolderKind int

// The kinds, by the numbers of the contract.
const (
	ByMessage HolderKind = iota + 1
	ByUser
	ByGroup
)

// Citation says that a holder shows a file.
type Citation struct {
	File ids.FileID
	Kind HolderKind
	// Holder is the sender of a message, a user or a conversation.
	Holder [16]byte
	// Message is the sender's id of the message, zero for other kinds.
	Message ids.ClientMessageID
}

// Cited is a citation as it is stored.
type Cited struct {
	Citation
	// CitedAt is when it was last asked for, and DueAt when its holder is asked whether it still shows the file.
	CitedAt, DueAt int64
}

// keys names all that the store may hold of the file.
func (f File) keys() []string { return append([]string{f.Upload.Key}, f.ThumbnailKeys...) }
