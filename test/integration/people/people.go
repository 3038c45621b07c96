// SPDX-License-Identifier: Apache-2.0

// Package people makes accounts, friendships and raw calls for tests that stand outside a gateway.
package people

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	friendv1 "github.com/parley-chat/parley/api/gen/parley/friend/v1"
	messagev1 "github.com/parley-chat/parley/api/gen/parley/message/v1"
	userv1 "github.com/parley-chat/parley/api/gen/parley/user/v1"
)

// Answer of a call, as a program outside sees it.
type Answer struct {
	// Status of HTTP.
	Status int
	// Code of Connect, empty for an answer of 200.
	Code string
	// Reason of the ErrorInfo, empty without one.
	Reason string
	// Body as it came.
	Body []byte
}

// String is "ok", or code and reason.
func (a Answer) String() string {
	if a.Status == http.StatusOK {
		return "ok"
	}
	if a.Code == "" {
		return fmt.Sprint(a.Status)
	}
	return a.Code + " " + a.Reason
}

// Call posts JSON to a method ("parley.user.v1.UserService/GetMe"). Headers are pairs.
func Call(t testing.TB, base, method string, body []byte, headers ...string) Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/"+method, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return read(response.StatusCode, text)
}

// Bearer is the header of a token.
func Bearer(token string) []string {
	if token == "" {
		return nil
	}
	return []string{"Authorization", "Bearer " + token}
}

func read(status int, text []byte) Answer {
	answer := Answer{Status: status, Body: text}
	var failure struct {
		Code    string
		Details []struct{ Type, Value string }
	}
	if status == http.StatusOK || json.Unmarshal(text, &failure) != nil {
		return answer
	}
	answer.Code = failure.Code
	for _, detail := range failure.Details {
		value, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(detail.Value, "="))
		var info errdetails.ErrorInfo
		if err == nil && strings.HasSuffix(detail.Type, "google.rpc.ErrorInfo") && proto.Unmarshal(value, &info) == nil {
			answer.Reason = info.GetReason()
		}
	}
	return answer
}

// NewID makes an id of any kind: a UUIDv7 that nobody has.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// Person is an account with a token.
type Person struct {
	// ID of the user.
	ID string
	// Username is unique in the run.
	Username string
	// Password of the account.
	Password string
	// Token of the login session made at registration.
	Token string
	// LoginSession of that token.
	LoginSession string
	// Device that logged in.
	Device string

	base string
}

// Register makes an account with a random name that starts with prefix.
func Register(t testing.TB, base, prefix string) *Person {
	t.Helper()
	id := strings.ReplaceAll(NewID(), "-", "")
	p := &Person{Username: prefix + id[12:], Password: "quiet " + id, Device: NewID(), base: base}
	var out userv1.RegisterResponse
	p.call(t, "parley.user.v1.AuthService/Register", &userv1.RegisterRequest{
		Username: p.Username, Nickname: prefix, Password: p.Password, Device: &userv1.Device{DeviceId: p.Device, Name: "test"},
	}, &out)
	p.ID, p.Token, p.LoginSession = out.GetUser().GetUser().GetUserId(), out.GetToken(), out.GetLoginSessionId()
	return p
}

// Do calls a method as the person and fails the test unless it succeeds.
func (p *Person) Do(t testing.TB, method string, in, out proto.Message) {
	t.Helper()
	p.call(t, method, in, out)
}

// Try calls a method as the person.
func (p *Person) Try(t testing.TB, method string, in proto.Message) Answer {
	t.Helper()
	return Call(t, p.base, method, JSON(in), Bearer(p.Token)...)
}

func (p *Person) call(t testing.TB, method string, in, out proto.Message) {
	t.Helper()
	answer := p.Try(t, method, in)
	if answer.Status != http.StatusOK {
		t.Fatalf("%s: %s: %s", method, answer, answer.Body)
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(answer.Body, out); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
}

// JSON of a message; it panics on one that cannot be written.
func JSON(m proto.Message) []byte {
	text, err := protojson.Marshal(m)
	if err != nil {
		panic(err)
	}
	return text
}

// Request sends a friend request from one person to another and answers its id.
func Request(t testing.TB, from, to *Person) string {
	t.Helper()
	var out friendv1.SendRequestResponse
	from.Do(t, "parley.friend.v1.FriendService/SendRequest", &friendv1.SendRequestRequest{
		UserId: to.ID, Text: "hello", IdempotencyKey: NewID(),
	}, &out)
	return out.GetRequest().GetRequestId()
}

// Befriend makes two people friends and answers their conversation.
func Befriend(t testing.TB, a, b *Person) string {
	t.Helper()
	var out friendv1.RespondToRequestResponse
	b.Do(t, "parley.friend.v1.FriendService/RespondToRequest", &friendv1.RespondToRequestRequest{RequestId: Request(t, a, b), Accept: true}, &out)
	if out.GetConversationId() != "" {
		return out.GetConversationId()
	}
	return Conversation(t.Context(), t, a)
}

// Conversation waits until the person's first conversation is open and answers its id.
func Conversation(ctx context.Context, t testing.TB, p *Person) string {
	t.Helper()
	for ctx.Err() == nil {
		var out messagev1.ListConversationsResponse
		p.Do(t, "parley.message.v1.ConversationService/ListConversations", &messagev1.ListConversationsRequest{}, &out)
		if len(out.GetConversations()) > 0 {
			return out.GetConversations()[0].GetConversationId()
		}
	}
	t.Fatal("no conversation opened")
	return ""
}

// Text is a send of a text.
func Text(conversation, body string) *messagev1.SendRequest {
	return &messagev1.SendRequest{
		ConversationId: conversation, ClientMessageId: NewID(),
		Content: &messagev1.Content{Kind: &messagev1.Content_Text{Text: &messagev1.Text{Body: body}}},
	}
}
