// SPDX-License-Identifier: Apache-2.0

// Package openapi holds the description of the API for those who write clients: openapi.yaml, and the
// same as a page. Both are generated from the protos by hack/protoc-gen-openapi; they are right for
// the program that they are built into.
package openapi

import "embed"

//go:embed openapi.yaml index.html style.css icon.svg
var files embed.FS

// FS answers openapi.yaml, and index.html with its style.css and icon.svg, which a server puts below /docs.
func FS() embed.FS { return files }
