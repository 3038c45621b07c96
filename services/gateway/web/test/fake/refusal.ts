// SPDX-License-Identifier: Apache-2.0
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { Code, ConnectError } from '@connectrpc/connect';

/** An error as the servers send it: code, reason, and how long to wait. */
export function refusal(code: Code, reason: string, retryAfterMs = 0): ConnectError {
  const error = new ConnectError(reason, code);
  const info = new BinaryWriter().tag(1, 2).string(reason).tag(2, 2).string('chat.parley.dev').finish();
  error.details.push({ type: 'google.rpc.ErrorInfo', value: info } as never);
  if (retryAfterMs > 0) {
    const seconds = Math.floor(retryAfterMs / 1000);
    const delay = new BinaryWriter().tag(1, 0).int64(seconds).tag(2, 0).int32((retryAfterMs % 1000) * 1e6).finish();
    error.details.push({ type: 'google.rpc.RetryInfo', value: new BinaryWriter().tag(1, 2).bytes(delay).finish() } as never);
  }
  return error;
}
