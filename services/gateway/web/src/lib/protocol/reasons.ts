// SPDX-License-Identifier: Apache-2.0
// Reads the reason and the wait out of a failed call.
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { Code, ConnectError } from '@connectrpc/connect';

/** Why a call failed, in the words of the error registry. */
export interface Failure {
  reason: string;
  /** How long to wait before another try, ms; 0 if that is not known. */
  retryAfterMs: number;
  metadata: Record<string, string>;
  code: Code;
}

const ERROR_INFO = 'google.rpc.ErrorInfo';
const RETRY_INFO = 'google.rpc.RetryInfo';

/** Answers why a call failed. Trouble with the network is UNAVAILABLE. */
export function failure(error: unknown): Failure {
  const connect = ConnectError.from(error, Code.Unavailable);
  const result: Failure = { reason: '', retryAfterMs: 0, metadata: {}, code: connect.code };
  for (const detail of connect.details) {
    if (!('type' in detail) || !(detail.value instanceof Uint8Array)) continue;
    if (detail.type === ERROR_INFO) Object.assign(result, errorInfo(detail.value));
    if (detail.type === RETRY_INFO) result.retryAfterMs = retryInfo(detail.value);
  }
  result.reason ||= byCode(connect.code);
  return result;
}

function byCode(code: Code): string {
  switch (code) {
    case Code.Unauthenticated:
      return 'SESSION_ENDED';
    case Code.NotFound:
      return 'NOT_FOUND';
    case Code.PermissionDenied:
      return 'FORBIDDEN';
    case Code.InvalidArgument:
      return 'CONTENT_INVALID';
    case Code.ResourceExhausted:
      return 'RATE_LIMITED';
    default:
      return 'UNAVAILABLE';
  }
}

function errorInfo(bytes: Uint8Array): { reason: string; metadata: Record<string, string> } {
  const found = { reason: '', metadata: {} as Record<string, string> };
  fields(bytes, (field, reader) => {
    if (field === 1) found.reason = reader.string();
    else if (field === 3) {
      let key = '';
      let value = '';
      fields(reader.bytes(), (part, inner) => {
        if (part === 1) key = inner.string();
        else if (part === 2) value = inner.string();
        else return false;
        return true;
      });
      found.metadata[key] = value;
    } else return false;
    return true;
  });
  return found;
}

function retryInfo(bytes: Uint8Array): number {
  let result = 0;
  fields(bytes, (field, reader) => {
    if (field !== 1) return false;
    fields(reader.bytes(), (part, inner) => {
      if (part === 1) result += Number(inner.int64()) * 1000;
      else if (part === 2) result += Math.ceil(inner.int32() / 1e6);
      else return false;
      return true;
    });
    return true;
  });
  return result;
}

// Calls take for each field; a field that take does not want is skipped.
function fields(bytes: Uint8Array, take: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (!take(field, reader)) reader.skip(wireType);
  }
}
