// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	"github.com/parley-chat/parley/services/gateway"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/ids"
)

// Codec is gateway.Codec on the frame contract.
type Codec struct{ validator protovalidate.Validator }

var _ gateway.Codec = (*Codec)(nil)

// NewCodec compiles the rules of client frames. It panics if one cannot be compiled: such a program is
// broken.
func NewCodec() *Codec {
	validator, err := protovalidate.New(protovalidate.WithMessages(&gatewayv1.ClientFrame{}))
	if err != nil {
		panic(err)
	}
	return &Codec{validator: validator}
}

// Decode reads one client frame and checks it.
func (c *Codec) Decode(format gateway.Format, data []byte) (gateway.ClientFrame, error) {
	frame := &gatewayv1.ClientFrame{}
	var err error
	if format == gateway.FormatJSON {
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, frame)
	} else {
		err = proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, frame)
	}
	if err != nil {
		return gateway.ClientFrame{}, gateway.ErrBadFrame // the text of the cause holds what the client sent
	}
	out := gateway.ClientFrame{ID: frame.GetId()}
	if err := c.validator.Validate(frame); err != nil {
		return out, violation(err)
	}
	out.Kind, err = kindOf(frame)
	return out, err
}

// violation names the first broken rule.
func violation(err error) error {
	var broken *protovalidate.ValidationError
	if errors.As(err, &broken) && len(broken.Violations) > 0 {
		first := broken.Violations[0].Proto
		return fault.InvalidField(protovalidate.FieldPathString(first.GetField()), first.GetRuleId())
	}
	return fault.ErrInvalid.Because(err)
}

// kindOf converts the kind of a frame; nil if it is not known.
func kindOf(frame *gatewayv1.ClientFrame) (any, error) {
	switch k := frame.GetKind().(type) {
	case *gatewayv1.ClientFrame_Auth:
		return authOf(k.Auth)
	case *gatewayv1.ClientFrame_Resume:
		return gateway.Resume{Cursor: k.Resume.GetCursor()}, nil
	case *gatewayv1.ClientFrame_Send:
		conversation, err := ids.ParseConversation("send.conversation_id", k.Send.GetConversationId())
		return gateway.Outgoing{Conversation: conversation, Size: proto.Size(k.Send), Request: k.Send}, err
	case *gatewayv1.ClientFrame_Ack:
		return gateway.Ack{}, nil
	case *gatewayv1.ClientFrame_Read:
		conversation, err := ids.ParseConversation("read.conversation_id", k.Read.GetConversationId())
		return gateway.Read{Conversation: conversation, Seq: k.Read.GetSeq()}, err
	case *gatewayv1.ClientFrame_Typing:
		conversation, err := ids.ParseConversation("typing.conversation_id", k.Typing.GetConversationId())
		return gateway.Typing{Conversation: conversation, State: int32(k.Typing.GetState())}, err
	case *gatewayv1.ClientFrame_Ping:
		return gateway.Ping{Cursor: k.Ping.GetCursor(), Active: k.Ping.GetActive()}, nil
	case *gatewayv1.ClientFrame_Watch:
		users, err := ids.ParseUsers("watch.user_ids", k.Watch.GetUserIds())
		return gateway.Watch{Users: users}, err
	default:
		return nil, nil //nolint:nilnil // an unknown kind is no error here
	}
}

func authOf(a *gatewayv1.Auth) (any, error) {
	device, err := ids.ParseDevice("auth.device.device_id", a.GetDevice().GetDeviceId())
	if err != nil {
		return nil, err
	}
	instance, err := ids.ParseInstance("auth.device.instance_id", a.GetDevice().GetInstanceId())
	if err != nil {
		return nil, err
	}
	return gateway.Auth{
		Token: a.GetToken(), Device: device, Instance: instance,
		Protocol: a.GetProtocol(), LastEpoch: a.GetLastEpoch(),
	}, nil
}

// Encode writes one server frame.
func (*Codec) Encode(format gateway.Format, re int64, body any) ([]byte, error) {
	frame := &gatewayv1.ServerFrame{}
	if raw, ok := body.(gateway.Raw); ok {
		if err := proto.Unmarshal(raw, frame); err != nil {
			return nil, fmt.Errorf("frame of another component: %w", err)
		}
	} else if err := setBody(frame, body); err != nil {
		return nil, err
	}
	frame.Re = re
	if format == gateway.FormatJSON {
		return protojson.Marshal(frame)
	}
	return proto.Marshal(frame)
}
