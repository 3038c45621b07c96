// SPDX-License-Identifier: Apache-2.0

package gatewaytest

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parley-chat/parley/services/gateway"
)

// Codec is gateway.Codec for tests of rules: frames are the domain's own values, as they are.
type Codec struct{}

// Frame is what Codec writes and reads.
type Frame struct {
	ID   int64  // re of a server frame
	Kind string // name of the Go type
	Body []byte // in gob
}

// Client writes a client frame.
func Client(id int64, kind any) []byte {
	data, err := json.Marshal(frame(id, kind))
	if err != nil {
		panic(err)
	}
	return data
}

func frame(id int64, body any) Frame {
	f := Frame{ID: id, Kind: strings.TrimPrefix(fmt.Sprintf("%T", body), "gateway.")}
	var data bytes.Buffer
	if _, empty := body.(gateway.Ack); empty {
		return f // gob knows no empty struct
	}
	if err := gob.NewEncoder(&data).Encode(body); err != nil {
		panic(err)
	}
	f.Body = data.Bytes()
	return f
}

// Decode reads what Client wrote.
func (Codec) Decode(_ gateway.Format, data []byte) (gateway.ClientFrame, error) {
	var f Frame
	if json.Unmarshal(data, &f) != nil {
		return gateway.ClientFrame{}, gateway.ErrBadFrame
	}
	kind, err := decodeKind(f)
	return gateway.ClientFrame{ID: f.ID, Kind: kind}, err
}

func decodeKind(f Frame) (any, error) {
	switch f.Kind {
	case "Auth":
		return decodeAs[gateway.Auth](f)
	case "Resume":
		return decodeAs[gateway.Resume](f)
	case "Outgoing":
		return decodeAs[gateway.Outgoing](f)
	case "Ack":
		return gateway.Ack{}, nil
	case "Read":
		return decodeAs[gateway.Read](f)
	case "Typing":
		return decodeAs[gateway.Typing](f)
	case "Ping":
		return decodeAs[gateway.Ping](f)
	case "Watch":
		return decodeAs[gateway.Watch](f)
	default:
		return nil, nil
	}
}

func decodeAs[T any](f Frame) (any, error) {
	body, err := As[T](f)
	if err != nil {
		return nil, gateway.ErrBadFrame
	}
	return body, nil
}

// As reads the body of a frame.
func As[T any](f Frame) (body T, err error) {
	err = gob.NewDecoder(bytes.NewReader(f.Body)).Decode(&body)
	return body, err
}

// Encode writes a server frame; a Raw holds one already.
func (Codec) Encode(_ gateway.Format, re int64, body any) ([]byte, error) {
	if raw, ok := body.(gateway.Raw); ok {
		return raw, nil
	}
	return json.Marshal(frame(re, body))
}

// Raw writes the frame of a delivery with some text.
func Raw(text string) []byte {
	data, err := json.Marshal(frame(0, text))
	if err != nil {
		panic(err)
	}
	return data
}
