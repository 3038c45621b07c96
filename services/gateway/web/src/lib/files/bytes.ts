// SPDX-License-Identifier: Apache-2.0
// Bytes of files over HTTP, with the token of the login unless they go to the object store itself.
import { Code, ConnectError } from '@connectrpc/connect';
import { Past, PastFailed, type Source } from './past';

const OFFSET = 'Upload-Offset';
/** How long a part of an upload may take. */
const PART_MS = 120_000;

/** Bytes brings parts of uploads to the server and fetches what links name. */
export class Bytes {
  readonly past = new Past();

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

  /** Fetches what a link names. Fails with PastFailed if that was one to the object store. */
  async get(source: Source, signal?: AbortSignal): Promise<Blob> {
    if (source.presigned) return this.past.get(source, signal);
    const answer = await fetch(source.url, { headers: this.authorization(), signal });
    if (!answer.ok) throw await refusal(answer);
    return answer.blob();
  }

  /** Asks for a link and fetches what it names; where the object store fails, by another link, through Parley. */
  async fetch(ask: (throughParley: boolean) => Promise<Source>): Promise<Blob> {
    if (!this.past.closed) {
      const source = await ask(false);
      try {
        return await this.get(source);
      } catch (error) {
        if (!(error instanceof PastFailed)) throw error;
      }
    }
    const blob = await this.get(await ask(true));
    this.past.closed = true;
    return blob;
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
