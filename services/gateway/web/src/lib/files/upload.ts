// SPDX-License-Identifier: Apache-2.0
// Brings the bytes of a file to the server: to the object store at once where that can be reached, else in parts, and
// goes on where a break stopped it.
import { Code } from '@connectrpc/connect';
import { Purpose, type Presigned } from '../../gen/parley/file/v1/file_pb';
import type { Clients } from '../protocol/clients';
import type { FileKind, Way } from '../protocol/model';
import { failure, type Failure } from '../protocol/reasons';
import type { Past } from './past';

const PART = 1 << 20;
const INCOMPLETE = 'UPLOAD_INCOMPLETE';
const AWAY = 'FILES_UNAVAILABLE';
const RETRY_FIRST_MS = 1_000;
const RETRY_MOST_MS = 30_000;

/** What an upload stands on. */
export interface UploadPorts {
  files: Clients['files'];
  /** Sends a part that begins at an offset. Answers how far the server is now. Fails without network. */
  put(url: string, part: Blob, offset: number, signal: AbortSignal): Promise<number>;
  past: Pick<Past, 'put' | 'closed'>;
}

/** What is to be uploaded. */
export interface Upload {
  kind: FileKind | 'avatar';
  name: string;
  type: string;
  blob: Blob;
  /** Made once for each upload: whoever asks with it again goes on. */
  key: string;
}

/** The server does not want the file. */
export class UploadRefused extends Error {
  constructor(readonly failure: Failure) {
    super(failure.reason);
  }
}

const PURPOSES: Record<Upload['kind'], Purpose> = { image: Purpose.IMAGE, file: Purpose.FILE, voice: Purpose.VOICE, avatar: Purpose.AVATAR };

/**
 * Uploads a file and answers its id. Trouble on the way is tried again until the signal says no; what the server
 * refuses for good fails with UploadRefused.
 */
export async function upload(ports: UploadPorts, wanted: Upload, progress: (way: Way) => void, signal: AbortSignal): Promise<string> {
  const sha256 = new Uint8Array(await crypto.subtle.digest('SHA-256', await wanted.blob.arrayBuffer()));
  let way: Way = { share: 0, held: false };
  const run = new Run(ports, wanted, sha256, (share) => progress((way = { share, held: false })), signal);
  for (let tries = 0; ; tries++) {
    try {
      return await run.attempt();
    } catch (error) {
      signal.throwIfAborted();
      const why = failure(error);
      if (isFinal(why)) throw new UploadRefused(why);
      if (why.reason === AWAY) progress((way = { ...way, held: true }));
      if (run.moved()) tries = 0;
      await wait(Math.max(why.retryAfterMs, Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** tries)), signal);
    }
  }
}

class Run {
  private past: 'untried' | 'sent' | 'failed' = 'untried';
  private further = false;

  constructor(
    private readonly ports: UploadPorts,
    private readonly wanted: Upload,
    private readonly sha256: Uint8Array<ArrayBuffer>,
    private readonly progress: (share: number) => void,
    private readonly signal: AbortSignal,
  ) {}

  async attempt(): Promise<string> {
    const { ports, wanted, signal } = this;
    const { kind, name, type, blob, key } = wanted;
    const request = { purpose: PURPOSES[kind], name, size: BigInt(blob.size), contentType: type, sha256: this.sha256, idempotencyKey: key };
    const { fileId, url, offset, complete, presigned } = await ports.files.createUpload(request, { signal });
    if (complete) return fileId;
    if (presigned && this.past === 'untried' && !ports.past.closed) await this.sendPast(presigned);
    if (this.past !== 'sent') await this.sendParts(url, Number(offset));
    this.progress(1);
    try {
      await ports.files.completeUpload({ fileId, throughParley: ports.past.closed }, { signal, timeoutMs: 60_000 });
    } catch (error) {
      if (this.past !== 'sent' || failure(error).reason !== INCOMPLETE) throw error;
      // What took the file is not the store that Parley has.
      this.past = 'failed';
      return this.attempt();
    }
    return fileId;
  }

  /** Tells whether more has come to the server since the last time. */
  moved(): boolean {
    const { further } = this;
    this.further = false;
    return further;
  }

  private async sendPast(request: Presigned): Promise<void> {
    this.progress(0);
    try {
      await this.ports.past.put(request, this.wanted.blob, this.progress, this.signal);
      this.past = 'sent';
    } catch {
      this.signal.throwIfAborted();
      this.past = 'failed';
    }
  }

  private async sendParts(url: string, known: number): Promise<void> {
    const { ports, signal } = this;
    const { blob } = this.wanted;
    for (let offset = known; offset < blob.size; ) {
      this.progress(offset / blob.size);
      const next = await ports.put(url, blob.slice(offset, offset + PART), offset, signal);
      if (next > offset) this.further = true;
      offset = next;
      // It is not the network as a whole: the next file need not try.
      if (this.past === 'failed') ports.past.closed = true;
    }
  }
}

function isFinal({ code, reason }: Failure): boolean {
  // What has come is less than the client believed: the next try asks how far it is.
  if (reason === INCOMPLETE) return false;
  return ![Code.Unavailable, Code.DeadlineExceeded, Code.Unknown, Code.Internal, Code.Aborted, Code.Canceled, Code.Unauthenticated].includes(code) && reason !== 'RATE_LIMITED';
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.('online', go);
      reject(signal.reason as Error);
    };
    const go = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.('online', go);
      signal.removeEventListener('abort', stop);
      resolve();
    };
    const timer = setTimeout(go, ms);
    signal.addEventListener('abort', stop, { once: true });
    // Who is back on the network does not wait.
    globalThis.addEventListener?.('online', go);
  });
}
