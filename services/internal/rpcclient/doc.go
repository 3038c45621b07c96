// SPDX-License-Identifier: Apache-2.0

// Package rpcclient calls other components.
//
// Every call carries a Parley-Identity for its audience: the user and the request id of the context's
// caller go on, the issuer is this component. Every call has a deadline, a little shorter than its
// caller's. Errors come back as faults with the remote reason, so that errors.Is works across the wire;
// trouble with the connection is fault.ErrUnavailable, whose outcome is unknown.
package rpcclient
