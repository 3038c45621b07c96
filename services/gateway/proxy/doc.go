// SPDX-License-Identifier: Apache-2.0

// Package proxy is the handler of the public listen port.
//
// It knows exactly the methods that the contracts open to people, public, user and admin ones; every
// other path answers like one that does not exist. A call passes size, authentication and rate, in this
// order, and then travels to its component under a fresh Parley-Identity; whatever the client said about
// identity, addresses or cookies is stripped before, its token too. Refusals have the shape of the
// client's protocol: Connect, gRPC or gRPC-Web, each with the reason. Every answer carries the security
// headers and a request id. The web client is served from a file system, with index.html for paths that
// only the client knows.
package proxy
