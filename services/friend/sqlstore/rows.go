// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
)

const (
	relationColumns = "low_id, high_id, version, friends, since, conversation_id, pending_since"
	requestColumns  = "id, applicant_id, respondent_id, text, state, created_at, decided_at, idempotency_key, hidden"
)

// relationRow is a relation as it is stored.
type relationRow struct {
	LowID          ids.UserID         `db:"low_id"`
	HighID         ids.UserID         `db:"high_id"`
	Version        int64              `db:"version"`
	Friends        bool               `db:"friends"`
	Since          int64              `db:"since"`
	ConversationID ids.ConversationID `db:"conversation_id"` // NULL: none yet
	PendingSince   int64              `db:"pending_since"`
}

func (r relationRow) relation() friend.Relation {
	return friend.Relation{
		Pair: friend.Pair{Low: r.LowID, High: r.HighID}, Version: r.Version, Friends: r.Friends, Since: r.Since,
		ConversationID: r.ConversationID, PendingSince: r.PendingSince,
	}
}

// requestRow is a request as it is stored.
type requestRow struct {
	ID             ids.FriendRequestID `db:"id"`
	ApplicantID    ids.UserID          `db:"applicant_id"`
	RespondentID   ids.UserID          `db:"respondent_id"`
	Text           string              `db:"text"`
	State          friend.State        `db:"state"`
	CreatedAt      int64               `db:"created_at"`
	DecidedAt      int64               `db:"decided_at"`
	IdempotencyKey ids.IdempotencyKey  `db:"idempotency_key"`
	Hidden         bool                `db:"hidden"`
}

func (r requestRow) request() friend.Request {
	return friend.Request{
		ID: r.ID, Applicant: r.ApplicantID, Respondent: r.RespondentID, Text: r.Text, State: r.State,
		CreatedAt: r.CreatedAt, DecidedAt: r.DecidedAt, Key: r.IdempotencyKey,
		Hidden: r.Hidden,
	}
}

func requests(rows []requestRow) []friend.Request {
	list := make([]friend.Request, len(rows))
	for i, r := range rows {
		list[i] = r.request()
	}
	return list
}
