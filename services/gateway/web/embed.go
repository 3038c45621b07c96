// SPDX-License-Identifier: Apache-2.0

// Package web holds the web client: its sources, and what Vite built from them for the gateway to serve.
//
// It promises that the program compiles also where the client was not built; FS is then empty but for
// a marker, and index.html is missing in it.
//
// The client needs these answers from whoever serves it:
//
//   - every path without a file, except /v1, /docs and the RPC paths, answers index.html, so that deep links
//     such as /c/<conversation> work;
//   - files under assets/ carry a hash in their name and may be cached for ever, index.html and sw.js never;
//   - the policy of ContentSecurityPolicy, where the sources of connect-src get the address of the
//     WebSocket too.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// ContentSecurityPolicy is what the built client can live with: scripts and styles from files only.
// There are two Trusted Types policies: that of Svelte, which makes templates from constants of the
// build, and one that lets the page register /sw.js, which keeps the page for times without network.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; " +
	"img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; object-src 'none'; " +
	"frame-ancestors 'none'; form-action 'self'; worker-src 'self'; manifest-src 'self'; " +
	"require-trusted-types-for 'script'; trusted-types svelte-trusted-html parley-worker"

// FS answers the built client, index.html at its top.
func FS() fs.FS {
	built, err := fs.Sub(dist, "dist")
	if err != nil {
		return dist
	}
	return built
}
