// SPDX-License-Identifier: Apache-2.0
// Bytes of files over HTTP, with the token of the login.
import { Code, ConnectError } from '@connectrpc/connect';

const OFFSET = 'Upload-Offset';
/** How long a part of an upload may take. */
const PART_MS = 120_000;

/** Bytes brings parts of uploads to the server and fetches what links name. */
export class Bytes {
  constructor(private readonly token: () => string | undefined) {}

  /** Sends a part that begins at an offset, and answers how far the server is now. */
  async put(url: string, part: Blob, offset: number, signal: AbortSignal): Promise<number> {
    const headers = { ...this.authorization(), [OFFSET]: String(offset), 'Content-Type': 'application/octet-stream' };
    const answer = await fetch(url, { method: 'PUT', body: part, headers, signal: AbortSignal.any([signal, AbortSignal.timeout(PART_MS)]) });
    const reached = answer.headers.get(OFFSET);
    // Where the server is somewhere else, it says where.
    if ((answer.ok || answer.status === 409) && reached !== null) return Number(reached);
    if (answer.ok) return offset + part.size;
    throw await refusal(answer);
  }

  /** Fetches what a link names. */
  async get(url: string, signal?: AbortSignal): Promise<Blob> {
    const answer = await fetch(url, { headers: this.authorization(), signal });
    if (!answer.ok) throw await refusal(answer);
    return answer.blob();
  }

  private authorization(): Record<string, string> {
    const token = this.token();
    return token ? { Authorization: `Bearer ${token}` } : {};
  }
}

async function refusal(answer: Response): Promise<ConnectError> {
  await answer.body?.cancel().catch(() => undefined);
  const codes: Record<number, Code> = { 400: Code.InvalidArgument, 401: Code.Unauthenticated, 403: Code.PermissionDenied, 404: Code.NotFound, 413: Code.OutOfRange, 429: Code.ResourceExhausted };
  return new ConnectError(`HTTP ${answer.status}`, codes[answer.status] ?? Code.Unavailable);
}
