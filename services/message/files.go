// SPDX-License-Identifier: Apache-2.0

package message

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/services/internal/failpoint"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	// citeTimeout bounds one question to the file service: who sends a text together with others must not
	// wait long for their files. Chosen, no evidence.
	citeTimeout = time.Second
	// citeRest is how long nobody asks a file service that did not answer. Chosen, no evidence.
	citeRest = 2 * time.Second
)

// What senders of files may be told.
var (
	// ErrFilesUnavailable says that nobody can tell now whether the file is there. Nothing was stored.
	ErrFilesUnavailable = fault.New(fault.Unavailable, "FILES_UNAVAILABLE", "files are not available now, try again later").
				After(citeRest)
	// ErrFileNotReady says that the file is not a finished upload of the sender for this purpose.
	ErrFileNotReady = fault.New(fault.Precondition, "FILE_NOT_READY", "the file is not a finished upload of yours for this")
)

// Files is the file service.
type Files interface {
	// Cite notes who shows which file, before that is committed. It answers each citation in its place;
	// fault.ErrUnavailable or ErrFilesUnavailable if the service does not answer.
	Cite(ctx context.Context, citations []Citation) ([]CitedFile, error)
}

// Citation says that somebody is about to show a file.
type Citation struct {
	File ids.FileID
	// By wants it. The file must be a finished upload of theirs, unless it is Forwarded: then they can read
	// a message that shows it.
	By        ids.UserID
	Forwarded bool
	// For is what the file must have been uploaded for.
	For FilePurpose
	Holder
}

// FilePurpose is what a file was uploaded for.
type FilePurpose int

// The purposes that this service knows.
const (
	ForImage FilePurpose = iota + 1
	ForFile
	ForVoice
	ForAvatar
)

// Holder is what shows a file: a message, by its sender and client message id, or a group.
type Holder struct {
	Sender   ids.UserID
	ClientID ids.ClientMessageID
	Group    ids.ConversationID // zero for a message
}

// CitedFile is what the file service knows of a file; zero if it cannot be shown.
type CitedFile struct {
	ID            ids.FileID
	Name          string
	Size          int64
	ContentType   string
	Width, Height int32
	Duration      int32 // ms; 0 if the bytes do not tell
}

// purpose of the file that a message of a kind shows.
func (k BodyKind) purpose() FilePurpose {
	switch k {
	case Image:
		return ForImage
	case Voice:
		return ForVoice
	case File, Text, SystemBody, RecalledBody:
	}
	return ForFile
}

// citing asks the file service, and leaves it alone for a while after it did not answer.
type citing struct {
	files Files // nil: there is none
	now   func() time.Time

	mu   sync.Mutex // guards rest
	rest time.Time  // nobody asks before
}

// cite answers each citation in its place; ErrFilesUnavailable for all of them.
func (c *citing) cite(ctx context.Context, citations []Citation) ([]CitedFile, error) {
	c.mu.Lock()
	resting := c.now().Before(c.rest)
	c.mu.Unlock()
	if c.files == nil || resting {
		return nil, ErrFilesUnavailable
	}
	call, cancel := context.WithTimeout(ctx, citeTimeout)
	defer cancel()
	found, err := c.files.Cite(call, citations)
	if err == nil {
		err = failpoint.Hit(failpoint.AfterCite)
	}
	if err == nil && len(found) == len(citations) {
		return found, nil
	}
	if ctx.Err() == nil { // not the caller who went away
		c.mu.Lock()
		c.rest = c.now().Add(citeRest)
		c.mu.Unlock()
	}
	return nil, ErrFilesUnavailable.Because(err)
}

// citeDrafts cites what drafts show, all in one question, and answers what became of each: drafts without a
// file have none. What is refused is told by the transaction, which first looks whether the message was
// stored before.
func (s *Service) citeDrafts(ctx context.Context, drafts []Draft) []cited {
	answers := make([]cited, len(drafts))
	var citations []Citation
	var place []int // of a citation in answers
	for i, d := range drafts {
		if c, ok := s.citation(ctx, d); ok {
			citations, place = append(citations, c), append(place, i)
		}
	}
	if len(citations) == 0 {
		return answers
	}
	found, err := s.citing.cite(ctx, citations)
	for k, i := range place {
		switch {
		case err != nil:
			answers[i].err = err
		case found[k].ID != citations[k].File:
			answers[i].err = ErrFileNotReady
		default:
			answers[i].file = found[k]
		}
	}
	return answers
}

// cited is the file of a draft, or why there is none.
type cited struct {
	file CitedFile
	err  error
}

// citation is what a draft shows; ok is false if it shows no file. What is forwarded is read here only to
// find its file: the transaction decides whether the sender may.
func (s *Service) citation(ctx context.Context, d Draft) (c Citation, ok bool) {
	c = Citation{
		File: d.Attach.File, By: d.Sender, For: d.Attach.Kind.purpose(), Holder: Holder{Sender: d.Sender, ClientID: d.ClientID},
	}
	if d.Forward.IsZero() {
		return c, !d.Attach.IsZero()
	}
	source, err := s.store.Conversation(ctx, d.Forward.Conversation, d.Sender)
	if err != nil || !source.Sees(d.Sender, d.Forward.Seq) {
		return c, false // the transaction tells why
	}
	one := Interval{From: d.Forward.Seq, To: d.Forward.Seq}
	found, err := s.store.Messages(ctx, []Stretch{{Conversation: d.Forward.Conversation, Interval: one}})
	if err != nil || len(found) == 0 || !found[0].Kind.HasFile() {
		return c, false
	}
	c.File, c.For, c.Forwarded = found[0].Media.File, found[0].Kind.purpose(), true
	return c, true
}
