// SPDX-License-Identifier: Apache-2.0

// Package rpcserver is the Connect stack that every service stands on.
//
// A call passes, in this order: authentication (Parley-Identity), authorization (the access rules in the
// protos), size, validation (the rules in the protos), then the handler, which reads the caller
// with identity.FromContext. Each step refuses by default. Errors leave as a Connect code with an
// ErrorInfo; the text of an unknown error never does. A panic is one log line and an internal error.
// A method without an access rule stops the program at construction.
package rpcserver
