// SPDX-License-Identifier: Apache-2.0

package file

import "github.com/parley-chat/parley/services/internal/fault"

// What a caller may be told.
var (
	// ErrNotFound says that there is no such file for the caller.
	ErrNotFound = fault.New(fault.NotFound, "NOT_FOUND", "there is no such file for you")
	// ErrKeyReused says that the idempotency key stands for another upload, or for one that has ended.
	ErrKeyReused = fault.New(fault.Exists, "IDEMPOTENCY_KEY_REUSED", "this idempotency key was used for another upload, or for one that has ended")
	// ErrTooLarge says that the announced size is above the limit of the purpose; metadata "limit_bytes".
	ErrTooLarge = fault.New(fault.Exhausted, "TOO_LARGE", "the file is larger than its purpose allows")
	// ErrQuotaExceeded says that the caller has uploaded enough today; metadata "limit" says what, and it
	// carries the time until the next day.
	ErrQuotaExceeded = fault.New(fault.Exhausted, "QUOTA_EXCEEDED", "the limit is reached")
	// ErrUnavailable says that bytes can neither be stored nor read now.
	ErrUnavailable = fault.New(fault.Unavailable, "FILES_UNAVAILABLE", "files are not available, try again")
	// ErrIncomplete says that bytes are missing; metadata "offset" says how many are there.
	ErrIncomplete = fault.New(fault.Precondition, "UPLOAD_INCOMPLETE", "bytes are missing, send the rest first")
	// ErrOffset says that a part does not begin where the server is; metadata "offset" says where that is.
	ErrOffset = fault.New(fault.Conflict, "OFFSET_MISMATCH", "go on at the offset that the server tells")
	// ErrBusy says that another request sends bytes of the same upload.
	ErrBusy = fault.New(fault.Conflict, "UPLOAD_BUSY", "another request sends bytes of this upload, try again")
	// ErrTooMuch says that more bytes came than were announced. Nothing of them is kept.
	ErrTooMuch = fault.New(fault.Invalid, "UPLOAD_TOO_LONG", "more bytes came than were announced")
	// ErrChecksum says that the bytes are not those that were announced.
	ErrChecksum = fault.New(fault.Invalid, "CHECKSUM_MISMATCH", "the bytes do not have the announced SHA-256, upload them anew")
	// ErrContentType says that the bytes are none of the types of the purpose.
	ErrContentType = fault.New(fault.Invalid, "CONTENT_TYPE_MISMATCH", "the bytes are of no type that the purpose allows")
	// ErrUnfit says that a picture or recording cannot be read, or is larger or longer than allowed.
	ErrUnfit = fault.New(fault.Invalid, "FILE_UNFIT", "the picture or recording cannot be read, or is too large or too long")
	// ErrInUse says that something shows the file.
	ErrInUse = fault.New(fault.Precondition, "FILE_IN_USE", "something shows this file")
	// ErrLinkExpired says that a link is older than it may be.
	ErrLinkExpired = fault.New(fault.Denied, "LINK_EXPIRED", "this link has expired, ask for a new one")
	// ErrLinkForeign says that a link was made for somebody else, or by nobody.
	ErrLinkForeign = fault.New(fault.Denied, "LINK_FOREIGN", "this link is not yours")
	// ErrDamaged says that the store does not hold what was checked.
	ErrDamaged = fault.New(fault.Internal, "FILE_DAMAGED", "the bytes in the store have changed")
)
