// SPDX-License-Identifier: Apache-2.0

package rpcserver

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/parley-chat/parley/api/component"
	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/identity"
)

// access are the rules of one method; a caller that meets one may call.
type access []*accessv1.Rule

// ourPrefix of packages whose methods need rules.
const ourPrefix = "parley."

// linkedRules reads the rules of every method of ours in the program, by procedure.
func linkedRules() map[string]access {
	rules := map[string]access{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(file.Package()), ourPrefix) {
			for i := range file.Services().Len() {
				addRules(rules, file.Services().Get(i))
			}
		}
		return true
	})
	return rules
}

func addRules(rules map[string]access, service protoreflect.ServiceDescriptor) {
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		found, _ := proto.GetExtension(method.Options(), accessv1.E_Access).([]*accessv1.Rule)
		if len(found) == 0 {
			panic("method without an access rule: " + string(method.FullName()))
		}
		rules["/"+string(service.FullName())+"/"+string(method.Name())] = found
	}
}

// check answers nil if a rule lets the caller in, fault.ErrUnauthenticated if a user would be let in
// and there is none, else fault.ErrForbidden.
func (a access) check(caller identity.Caller) error {
	throughGateway := caller.Issuer == component.Gateway
	wantsUser := false
	for _, rule := range a {
		switch rule.GetLevel() {
		case accessv1.Level_LEVEL_PUBLIC:
			if throughGateway {
				return nil
			}
		case accessv1.Level_LEVEL_USER:
			if throughGateway && !caller.UserID.IsZero() {
				return nil
			}
			wantsUser = true
		case accessv1.Level_LEVEL_INTERNAL:
			if slices.Contains(rule.GetCallers(), string(caller.Issuer)) {
				return nil
			}
		case accessv1.Level_LEVEL_ADMIN:
			if throughGateway && !caller.UserID.IsZero() && caller.Role > accessv1.Role_ROLE_MEMBER {
				return nil
			}
			wantsUser = true
		case accessv1.Level_LEVEL_UNSPECIFIED:
		}
	}
	if wantsUser && throughGateway && caller.UserID.IsZero() {
		return fault.ErrUnauthenticated
	}
	return fault.ErrForbidden
}

// forAdmins tells methods that need a role.
func (a access) forAdmins() bool {
	return slices.ContainsFunc(a, func(r *accessv1.Rule) bool { return r.GetLevel() == accessv1.Level_LEVEL_ADMIN })
}
