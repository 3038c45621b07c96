// SPDX-License-Identifier: Apache-2.0

package message

import (
	"encoding/json"
	"fmt"

	"github.com/parley-chat/parley/services/internal/ids"
)

// SystemKind tells what happened to a group. The numbers are stored.
type SystemKind int32

// The kinds of system message.
const (
	GroupCreated   SystemKind = 1
	UsersJoined    SystemKind = 2
	UserLeft       SystemKind = 3
	UserRemoved    SystemKind = 4
	GroupRenamed   SystemKind = 5
	RoleChanged    SystemKind = 6
	GroupDissolved SystemKind = 7
	AvatarChanged  SystemKind = 8
)

// System is what a message of the server says. Its encoded form is stored as the text of the message.
type System struct {
	Kind  SystemKind   `json:"k"`
	Actor ids.UserID   `json:"a"`
	Users []ids.UserID `json:"u,omitempty"`
	Name  string       `json:"n,omitempty"`
	Role  Role         `json:"r,omitempty"`
}

// encode makes the text of the message.
func (s System) encode() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // ids, numbers and a string always have a form
	}
	return string(text)
}

// System reads what a message of SystemBody says.
func (m Message) System() (System, error) {
	var s System
	if err := json.Unmarshal([]byte(m.Text), &s); err != nil {
		return System{}, fmt.Errorf("system message %d of %s: %w", m.Seq, m.Conversation, err)
	}
	return s, nil
}
