// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/sqldb"
	"github.com/parley-chat/parley/services/message"
)

// readOriginals reads what a batch forwards: nothing for a batch that forwards nothing. The rows are not
// locked, because the order of locking is that of the conversations written to; a recall that is
// committed meanwhile counts as later than the forward.
func readOriginals(ctx context.Context, tx *sqldb.Tx, batch []message.Pending) (map[message.Source]message.Original, error) {
	var (
		places []place
		list   []ids.ConversationID
		wanted []any
	)
	for _, p := range batch {
		if !p.Forward.IsZero() {
			places = append(places, place{p.Forward.Conversation, p.Sender})
			list = append(list, p.Forward.Conversation)
			wanted = append(wanted, p.Forward.Conversation, p.Forward.Seq)
		}
	}
	if len(places) == 0 {
		return nil, nil //nolint:nilnil // a map without entries
	}
	byID, err := readSources(ctx, tx, list, places)
	if err != nil {
		return nil, err
	}
	var rows []messageRow
	const one = "(conversation_id = ? AND seq = ?)"
	err = tx.Select(ctx, &rows, "SELECT "+messageColumns+" FROM messages WHERE "+one+strings.Repeat(" OR "+one, len(places)-1), wanted...)
	if err != nil {
		return nil, fmt.Errorf("read originals: %w", err)
	}
	found, err := messages(rows)
	if err != nil {
		return nil, err
	}
	originals := make(map[message.Source]message.Original, len(found))
	for _, m := range found {
		originals[message.Source{Conversation: m.Conversation, Seq: m.Seq}] = message.Original{
			Conversation: byID[m.Conversation], Message: m,
		}
	}
	return originals, nil
}

// readSources reads conversations with the given members.
func readSources(
	ctx context.Context, tx *sqldb.Tx, list []ids.ConversationID, places []place,
) (map[ids.ConversationID]message.Conversation, error) {
	var rows []conversationRow
	query, args := inIDs(withMembers+" WHERE c.id IN (?)"+byConversation, list)
	if err := tx.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	found := conversations(rows)
	if err := readMembers(ctx, tx, found, inGroups(found, places)); err != nil {
		return nil, err
	}
	byID := make(map[ids.ConversationID]message.Conversation, len(found))
	for _, c := range found {
		byID[c.ID] = c
	}
	return byID, nil
}
