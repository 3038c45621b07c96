// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/parley-chat/parley/api/component"
	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
)

// method is one method of a service of ours.
type method struct {
	name  string // "parley.user.v1.UserService/GetMe"
	owner component.Name
	rules []*accessv1.Rule
	in    protoreflect.MessageType
}

func (m method) allows(level accessv1.Level, caller component.Name) bool {
	return slices.ContainsFunc(m.rules, func(r *accessv1.Rule) bool {
		return r.GetLevel() == level && (level != accessv1.Level_LEVEL_INTERNAL || slices.Contains(r.GetCallers(), string(caller)))
	})
}

// methods walks the descriptors of all services.
func methods() []method {
	var all []method
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		parts := strings.Split(string(file.Package()), ".")
		if parts[0] != "parley" {
			return true
		}
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				descriptor := service.Methods().Get(j)
				rules, _ := proto.GetExtension(descriptor.Options(), accessv1.E_Access).([]*accessv1.Rule)
				in, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.Input().FullName())
				if err != nil {
					panic(err)
				}
				all = append(all, method{
					name:  string(service.FullName()) + "/" + string(descriptor.Name()),
					owner: component.Name(parts[1]), rules: rules, in: in,
				})
			}
		}
		return true
	})
	return all
}
