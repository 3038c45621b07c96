// SPDX-License-Identifier: Apache-2.0

package rpcserver

import (
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/services/internal/fault"
)

// validate refuses what could not be decoded and what breaks a rule of the proto. It names the first
// broken rule: one is enough to correct a client, and a list would echo a hostile request's size.
func (s *Server) validate(request any) error {
	message, ok := request.(proto.Message)
	if !ok {
		return fmt.Errorf("validate: %T is not a message", request)
	}
	if err := decodeFailure(message); err != nil {
		return err
	}
	err := s.validator.Validate(message)
	if err == nil {
		return nil
	}
	var broken *protovalidate.ValidationError
	if !errors.As(err, &broken) || len(broken.Violations) == 0 {
		return fmt.Errorf("validate %T: %w", request, err)
	}
	violation := broken.Violations[0].Proto
	return fault.InvalidField(protovalidate.FieldPathString(violation.GetField()), violation.GetRuleId())
}
