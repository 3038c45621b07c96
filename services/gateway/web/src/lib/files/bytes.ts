// SPDX-License-Identifier: Apache-2.0
// Bytes of files over HTTP, with the token of the login unless they go to the object store itself.
import { Code, ConnectError } from '@connectrpc/connect';
import { Past, PastFailed, type Source } from './past';

const OFFSET = 'Upload-Offset';
/** How long a part of an upload may take. */
const PART_MS = 120_000;
/** How much is fetched at once: a gateway lets a person have twelve downloads, on all devices together. */
const AT_ONCE = 6;
/** How often somebody who is told to wait asks. */
const TRIES = 10;

/** Bytes brings parts of uploads to the server and fetches what links name. */
export class Bytes {
  readonly past = new Past();
  private running = 0;
  private readonly waiting: (() => void)[] = [];

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
    if (this.running < AT_ONCE) this.running++;
    else await new Promise<void>((go) => this.waiting.push(go));
    try {
      return await this.fetchInTurn(source.url, signal);
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }

  private async fetchInTurn(url: string, signal?: AbortSignal): Promise<Blob> {
    for (let tries = 1; ; tries++) {
      const answer = await fetch(url, { headers: this.authorization(), signal });
      if (answer.ok) return answer.blob();
      if (answer.status !== 429 || tries === TRIES) throw await refusal(answer);
      const seconds = Number(answer.headers.get('Retry-After')) || 1;
      // Not all of them at the same moment.
      await new Promise((go) => setTimeout(go, seconds * 1000 * (1 + Math.random())));
    }
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
