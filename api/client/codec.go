// SPDX-License-Identifier: Apache-2.0

package client

import (
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
)

// subprotocol of a format.
func (f Format) subprotocol() string {
	if f == JSON {
		return "parley.v1.json"
	}
	return "parley.v1.proto"
}

func (f Format) encode(frame *gatewayv1.ClientFrame) ([]byte, error) {
	if f == JSON {
		return protojson.Marshal(frame)
	}
	return proto.Marshal(frame)
}

// decode reads a frame of the server; fields and kinds that this client does not know are skipped.
func (f Format) decode(data []byte) (*gatewayv1.ServerFrame, error) {
	frame := &gatewayv1.ServerFrame{}
	if f == JSON {
		return frame, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, frame)
	}
	return frame, proto.Unmarshal(data, frame)
}
