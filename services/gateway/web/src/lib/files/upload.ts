// SPDX-License-Identifier: Apache-2.0
// Brings the bytes of a file to the server, in parts, and goes on where a break stopped it.
import { Code } from '@connectrpc/connect';
import { Purpose } from '../../gen/parley/file/v1/file_pb';
import type { Clients } from '../protocol/clients';
import type { FileKind } from '../protocol/model';
import { failure, type Failure } from '../protocol/reasons';

const PART = 1 << 20;
const RETRY_FIRST_MS = 1_000;
const RETRY_MOST_MS = 30_000;

/** What an upload stands on. */
export interface UploadPorts {
  files: Clients['files'];
  /** Sends a part that begins at an offset. Answers how far the server is now. Fails without network. */
  put(url: string, part: Blob, offset: number, signal: AbortSignal): Promise<number>;
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
export async function upload(ports: UploadPorts, wanted: Upload, progress: (share: number) => void, signal: AbortSignal): Promise<string> {
  const sha256 = new Uint8Array(await crypto.subtle.digest('SHA-256', await wanted.blob.arrayBuffer()));
  for (let tries = 0; ; tries++) {
    try {
      return await attempt(ports, wanted, sha256, progress, signal, () => (tries = 0));
    } catch (error) {
      signal.throwIfAborted();
      const why = failure(error);
      if (isFinal(why)) throw new UploadRefused(why);
      await wait(Math.max(why.retryAfterMs, Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** tries)), signal);
    }
  }
}

async function attempt(ports: UploadPorts, { kind, name, type, blob, key }: Upload, sha256: Uint8Array, progress: (share: number) => void, signal: AbortSignal, moved: () => void): Promise<string> {
  const { size } = blob;
  const request = { purpose: PURPOSES[kind], name, size: BigInt(size), contentType: type, sha256, idempotencyKey: key };
  const { fileId, url, offset: known, complete } = await ports.files.createUpload(request, { signal });
  if (complete) return fileId;
  for (let offset = Number(known); offset < size; ) {
    progress(offset / size);
    const next = await ports.put(url, blob.slice(offset, offset + PART), offset, signal);
    if (next > offset) moved();
    offset = next;
  }
  progress(1);
  await ports.files.completeUpload({ fileId }, { signal, timeoutMs: 60_000 });
  return fileId;
}

function isFinal({ code, reason }: Failure): boolean {
  // What has come is less than the client believed: the next try asks how far it is.
  if (reason === 'UPLOAD_INCOMPLETE') return false;
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
