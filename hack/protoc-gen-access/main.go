// SPDX-License-Identifier: Apache-2.0

// Command protoc-gen-access generates nothing: it fails the generation when a method of a service
// has no access rule, so that a method without one cannot be built.
package main

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"

	accessv1 "github.com/parley-chat/parley/api/gen/parley/access/v1"
)

func main() {
	protogen.Options{}.Run(func(plugin *protogen.Plugin) error {
		plugin.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		for _, file := range plugin.Files {
			for _, service := range file.Services {
				for _, method := range service.Methods {
					if err := check(method); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

func check(method *protogen.Method) error {
	rules, _ := proto.GetExtension(method.Desc.Options(), accessv1.E_Access).([]*accessv1.Rule)
	if len(rules) == 0 {
		return fmt.Errorf("%s has no access rule; add option (parley.access.v1.access) to it", method.Desc.FullName())
	}
	for _, rule := range rules {
		internal := rule.GetLevel() == accessv1.Level_LEVEL_INTERNAL
		if rule.GetLevel() == accessv1.Level_LEVEL_UNSPECIFIED || internal != (len(rule.GetCallers()) > 0) {
			return fmt.Errorf("a rule of %s has no level, or callers without LEVEL_INTERNAL", method.Desc.FullName())
		}
	}
	return nil
}
