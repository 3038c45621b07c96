// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
)

// Errors of this package.
var (
	// ErrRunning says that Run runs already.
	ErrRunning = errors.New("client runs already")
	// ErrEnded says that Run ended before the answer came; the message stays in the outbox.
	ErrEnded = errors.New("client ended before the answer")
	// ErrTooLarge says that a message is larger than the server takes.
	ErrTooLarge = errors.New("message is too large")
	// ErrOutboxFull says that too many messages are unsent.
	ErrOutboxFull = errors.New("too many unsent messages")
)

// Client is one running copy of a client. Make it with New.
type Client struct {
	cfg    Config
	gates  *gates
	rpc    *rpc
	mail   mailbox
	state  atomic.Int64
	unsent atomic.Int64

	running atomic.Bool
	engine  *engine // owned by Run

	mu    sync.Mutex // guards token
	token string

	sendMu sync.Mutex // keeps the outbox of the store in the order of the sends
}

// New makes a client and reads its store. Nothing is dialled yet.
func New(cfg Config) (*Client, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, fmt.Errorf("client config: %w", err)
	}
	c := &Client{
		cfg: cfg, gates: &gates{bases: cfg.BaseURLs}, token: cfg.Token, mail: mailbox{bell: make(chan struct{}, 1)},
	}
	c.rpc = newRPC(cfg, c.gates, c.currentToken)
	snapshot, err := cfg.Store.Load()
	if err != nil {
		return nil, fmt.Errorf("load store: %w", err)
	}
	c.unsent.Store(int64(len(snapshot.Outbox)))
	c.engine = newEngine(c, snapshot)
	return c, nil
}

// Run connects, stays connected, and blocks until ctx ends (then it returns nil) or until it must not
// go on by itself: then it returns a StopError. It may be called again afterwards, for example with
// another token. It must not be called twice at once: ErrRunning.
func (c *Client) Run(ctx context.Context) error {
	if !c.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer c.running.Store(false)
	return c.engine.run(ctx)
}

// Close ends idle connections of the generated clients. Call it after Run has returned.
func (c *Client) Close() {
	c.rpc.transport.CloseIdleConnections()
	c.rpc.outside.CloseIdleConnections()
}

// State is the state of the moment.
func (c *Client) State() State { return State(c.state.Load()) }

func (c *Client) currentToken() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// SetToken replaces the token, also on a live connection, where it must be of the same user and device.
func (c *Client) SetToken(token string) {
	c.mu.Lock()
	c.token = token
	c.mu.Unlock()
	c.mail.post(func() { c.engine.swapToken(token) })
}

// Wake tells that the network is back or that a person looks: a waiting client tries at once, but not
// more than once a second; a live one asks for heads.
func (c *Client) Wake() { c.mail.post(c.engine.wakeUp) }

// SetVisible tells whether a person can see the client. A hidden one pings once a minute; one that
// becomes visible asks for heads.
func (c *Client) SetVisible(visible bool) { c.mail.post(func() { c.engine.setVisible(visible) }) }

// Enqueue puts a message into the outbox and answers its client message id. It is sent when it can be,
// after those that were put in for the same conversation before; one with a file lets others pass while files
// are not available. SendDone or SendFailed follows. ErrTooLarge and ErrOutboxFull put in nothing.
func (c *Client) Enqueue(conversationID string, content *messagev1.Content) (clientMessageID string, err error) {
	e, err := c.enqueue(conversationID, content, nil)
	return e.ClientMessageID, err
}

// Send is SendContent of a text.
func (c *Client) Send(ctx context.Context, conversationID, text string) (*messagev1.Sent, error) {
	return c.SendContent(ctx, conversationID, Text(text))
}

// SendContent is Enqueue, and then it waits: for the answer, or for a SendError if the message is refused. When
// ctx ends first, or Run does (ErrEnded), the message stays in the outbox and may still be sent.
func (c *Client) SendContent(ctx context.Context, conversationID string, content *messagev1.Content) (*messagev1.Sent, error) {
	answer := make(chan outcome, 1)
	if _, err := c.enqueue(conversationID, content, answer); err != nil {
		return nil, err
	}
	select {
	case o := <-answer:
		return o.sent, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// outcome of a send, for who waits.
type outcome struct {
	sent *messagev1.Sent
	err  error
}

func (c *Client) enqueue(conversationID string, content *messagev1.Content, answer chan outcome) (Entry, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Entry{}, fmt.Errorf("make client message id: %w", err)
	}
	request, err := proto.Marshal(&messagev1.SendRequest{
		ConversationId: conversationID, ClientMessageId: id.String(), Content: content,
	})
	if err != nil {
		return Entry{}, fmt.Errorf("encode message: %w", err)
	}
	if len(request) > maxFrame {
		return Entry{}, ErrTooLarge
	}
	if c.unsent.Add(1) > maxOutbox {
		c.unsent.Add(-1)
		return Entry{}, ErrOutboxFull
	}
	e := Entry{
		ClientMessageID: id.String(), ConversationID: conversationID, Request: request,
		CreatedAt: c.cfg.Now().UnixMilli(),
	}
	c.sendMu.Lock()
	defer c.sendMu.Unlock()
	if err := c.cfg.Store.PutEntry(e); err != nil {
		c.unsent.Add(-1)
		return Entry{}, fmt.Errorf("store message: %w", err)
	}
	c.mail.post(func() { c.engine.addEntry(&entry{Entry: e, answer: answer}) })
	return e, nil
}

// MarkRead moves the user's read marker, at most once a second for a conversation.
func (c *Client) MarkRead(conversationID string, seq int64) {
	c.mail.post(func() { c.engine.markRead(conversationID, seq) })
}

// Typing tells that the user types, or no longer. It is lost without a connection.
func (c *Client) Typing(conversationID string, state gatewayv1.TypingState) {
	c.mail.post(func() { c.engine.typing(conversationID, state) })
}

// Watch follows the presence of exactly these users, at most 200, also over later connections; of those
// whom the user may not see nothing is told. PresenceChanged follows. Without users it ends.
func (c *Client) Watch(userIDs ...string) {
	users := slices.Clone(userIDs[:min(len(userIDs), maxWatched)])
	c.mail.post(func() { c.engine.watch(users) })
}

// Fill loads the upper end of a hole, at most 100 messages, oldest first, and shrinks the hole by what
// came. An empty answer means that nothing of the hole is visible to the user.
func (c *Client) Fill(ctx context.Context, conversationID string, hole Range) ([]*messagev1.Message, error) {
	page, err := c.rpc.messages.ListMessages(ctx, &messagev1.ListMessagesRequest{
		ConversationId: conversationID, Limit: pageSize,
		Range: &messagev1.ListMessagesRequest_BeforeSeq{BeforeSeq: hole.To + 1},
	})
	if err != nil {
		return nil, fmt.Errorf("load hole: %w", err)
	}
	loaded := hole
	if first := firstOf(page.GetItems(), page.GetGaps()); first > hole.From {
		loaded.From = first
	}
	var items []*messagev1.Message
	for _, m := range page.GetItems() {
		if m.GetSeq() >= loaded.From {
			items = append(items, m)
		}
	}
	c.mail.post(func() { c.engine.filled(conversationID, loaded) })
	return items, nil
}

// mailbox brings calls to the engine; posting never blocks.
type mailbox struct {
	mu    sync.Mutex // guards posts
	posts []func()
	bell  chan struct{} // holds one item if posts is not empty
}

func (m *mailbox) post(f func()) {
	m.mu.Lock()
	m.posts = append(m.posts, f)
	m.mu.Unlock()
	select {
	case m.bell <- struct{}{}:
	default:
	}
}

func (m *mailbox) take() []func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	posts := m.posts
	m.posts = nil
	return posts
}
