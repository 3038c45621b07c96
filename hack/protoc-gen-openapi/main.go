// SPDX-License-Identifier: Apache-2.0

// Command protoc-gen-openapi writes what developers of clients read: the API as an OpenAPI 3.1
// document, openapi.yaml, and the same as a page, index.html.
//
// Everything in them has one source: methods, fields and their comments come from the protos, limits
// from the validation rules, who may call from the access rules, and reasons of errors from the
// declarations in the Go packages below the folder that the option "reasons" names. Methods that only
// components may call are left out.
package main

import (
	"flag"
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	var flags flag.FlagSet
	reasonsDir := flags.String("reasons", "services", "folder of the packages that declare reasons")
	protogen.Options{ParamFunc: flags.Set}.Run(func(plugin *protogen.Plugin) error {
		plugin.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		reasons, err := readReasons(*reasonsDir)
		if err != nil {
			return err
		}
		return generate(plugin, reasons)
	})
}

// generate writes both files.
func generate(plugin *protogen.Plugin, reasons []reason) error {
	api, err := newModel(plugin, reasons)
	if err != nil {
		return err
	}
	document, err := writeDocument(api)
	if err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	page, err := writePage(api)
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	for name, content := range map[string][]byte{"openapi.yaml": document, "index.html": page} {
		if _, err := plugin.NewGeneratedFile(name, "").Write(content); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
