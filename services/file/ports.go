// SPDX-License-Identifier: Apache-2.0

package file

import (
	"context"

	"github.com/parley-chat/parley/services/internal/blob"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Usage is what counts against the quota of a day.
type Usage struct {
	Bytes int64
	Files int
}

// Uploads keeps files from the announcement on. Every method is one transaction. A store that does not
// answer is fault.ErrUnavailable.
type Uploads interface {
	// Create stores an upload, if decide lets the owner's usage of the day through. If the owner's key is
	// there already, the file under it comes back and nothing is stored or counted.
	Create(ctx context.Context, upload File, day int64, decide func(used Usage) error) (File, error)
	// Find answers those of some files that are there, in any state and any order.
	Find(ctx context.Context, files ...ids.FileID) ([]File, error)
	// Advance notes that the write of an upload, which stood at one point, stands at another. ErrNotFound if it is
	// none any more, ErrBusy if its write stands elsewhere: somebody else writes too.
	Advance(ctx context.Context, file ids.FileID, from, to blob.Upload) error
	// Finish makes an upload complete with the facts and type that are in file, and all its bytes there. If it is
	// not Uploading, it stays as it is. The file as it is then comes back. ErrBusy if its write does not stand where
	// it does in file.
	Finish(ctx context.Context, file File) (File, error)
	// Remove ends a file that is in one of the states, and that nothing cites, and answers it as it is then:
	// one that may not be removed is as it was.
	Remove(ctx context.Context, removal Removal) (File, error)
}

// Removal says what is removed on which condition.
type Removal struct {
	File ids.FileID
	// From is the state in which it must be.
	From State
	// ExpiredBefore and UncitedBefore are what an upload and a complete file must be at the time; 0: no matter.
	ExpiredBefore, UncitedBefore int64
	// Failure ended an upload.
	Failure string
	// KeepUntil is how long the row stays.
	KeepUntil int64
}

// Citations keeps what shows files. Every method is one transaction. A store that does not answer is
// fault.ErrUnavailable.
type Citations interface {
	// Cite stores citations of files that let accepts, all in one transaction in which none of the files can
	// be removed, and answers the files in their places; nil where it was not accepted. Again moves CitedAt
	// and DueAt.
	Cite(ctx context.Context, cited []Cited, accept func(place int, f File) bool) ([]*File, error)
	// Holders answers the citations of files.
	Holders(ctx context.Context, files ...ids.FileID) ([]Citation, error)
	// Due answers citations whose holders are to be asked, the longest due first.
	Due(ctx context.Context, now int64, limit int) ([]Cited, error)
	// Postpone notes that holders still show what they were said to show.
	Postpone(ctx context.Context, cited []Cited, dueAt int64) error
	// Withdraw removes citations that nobody has asked for anew since they were read. A file without a
	// citation is uncited since now.
	Withdraw(ctx context.Context, cited []Cited, now int64) error
}

// Leftovers finds what is to be collected. A store that does not answer is fault.ErrUnavailable.
type Leftovers interface {
	// Expired answers uploads that ended before a time, the oldest first.
	Expired(ctx context.Context, before int64, limit int) ([]ids.FileID, error)
	// Uncited answers complete files that nothing shows since before a time, the oldest first.
	Uncited(ctx context.Context, before int64, limit int) ([]ids.FileID, error)
	// Ended answers files in a state after Complete, whose rows are kept until before a time, those first that
	// may go first.
	Ended(ctx context.Context, state State, before int64, limit int) ([]File, error)
	// Emptied notes that the bytes of a file are gone.
	Emptied(ctx context.Context, file ids.FileID) error
	// Forget removes rows of removed files, and usage of before a day.
	Forget(ctx context.Context, files []ids.FileID, day int64) error
}

// Holders are asked what they show. One that does not answer is fault.ErrUnavailable.
type Holders interface {
	// Readable picks the files that a user may read, because a message or group shows them to the user now.
	Readable(ctx context.Context, user ids.UserID, files []ids.FileID) ([]ids.FileID, error)
	// Shown tells for each citation whether its holder shows the file.
	Shown(ctx context.Context, citations []Citation) ([]bool, error)
}
