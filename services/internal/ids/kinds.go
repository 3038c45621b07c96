// SPDX-License-Identifier: Apache-2.0

package ids

// Parse functions of the kinds that requests carry; field names the request field in the error.

// ParseUser reads a user id.
func ParseUser(field, text string) (UserID, error) { return Parse[user](field, text) }

// ParseUsers reads a list of them.
func ParseUsers(field string, texts []string) ([]UserID, error) { return parseAll[user](field, texts) }

// ParseLoginSession reads a login session id.
func ParseLoginSession(field, text string) (LoginSessionID, error) {
	return Parse[loginSession](field, text)
}

// ParseDevice reads a device id.
func ParseDevice(field, text string) (DeviceID, error) { return Parse[device](field, text) }

// ParseInstance reads an instance id.
func ParseInstance(field, text string) (InstanceID, error) { return Parse[instance](field, text) }

// ParseSession reads a session id.
func ParseSession(field, text string) (SessionID, error) { return Parse[session](field, text) }

// ParseConversation reads a conversation id.
func ParseConversation(field, text string) (ConversationID, error) {
	return Parse[conversation](field, text)
}

// ParseClientMessage reads a client message id.
func ParseClientMessage(field, text string) (ClientMessageID, error) {
	return Parse[clientMessage](field, text)
}

// ParseFriendRequest reads the id of a friend request.
func ParseFriendRequest(field, text string) (FriendRequestID, error) {
	return Parse[request](field, text)
}

// ParseIdempotencyKey reads an idempotency key.
func ParseIdempotencyKey(field, text string) (IdempotencyKey, error) { return Parse[key](field, text) }

// ParseCodeRequest reads the id of a code.
func ParseCodeRequest(field, text string) (CodeRequestID, error) {
	return Parse[codeRequest](field, text)
}

// NewUser makes a user id.
func NewUser() UserID { return New[user]() }

// NewLoginSession makes a login session id.
func NewLoginSession() LoginSessionID { return New[loginSession]() }

// NewDevice makes a device id.
func NewDevice() DeviceID { return New[device]() }

// NewInstance makes an instance id.
func NewInstance() InstanceID { return Random[instance]() }

// NewSession makes a session id.
func NewSession() SessionID { return Random[session]() }

// NewConversation makes a conversation id.
func NewConversation() ConversationID { return New[conversation]() }

// NewMessage makes a message id.
func NewMessage() MessageID { return New[message]() }

// NewClientMessage makes a client message id.
func NewClientMessage() ClientMessageID { return New[clientMessage]() }

// NewFriendRequest makes the id of a friend request.
func NewFriendRequest() FriendRequestID { return New[request]() }

// NewEvent makes an event id.
func NewEvent() EventID { return New[event]() }

// NewAuditEntry makes the id of an entry of the audit log.
func NewAuditEntry() AuditEntryID { return New[auditEntry]() }

// NewCodeRequest makes the id of a code; random, since it is half of a secret.
func NewCodeRequest() CodeRequestID { return Random[codeRequest]() }

// NewIdempotencyKey makes an idempotency key.
func NewIdempotencyKey() IdempotencyKey { return New[key]() }

// ParseFile reads the id of a file.
func ParseFile(field, text string) (FileID, error) { return Parse[file](field, text) }

// ParseFiles reads a list of them.
func ParseFiles(field string, texts []string) ([]FileID, error) { return parseAll[file](field, texts) }

// NewFile makes the id of a file.
func NewFile() FileID { return New[file]() }
