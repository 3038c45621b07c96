// SPDX-License-Identifier: Apache-2.0
// Requests to the object store. It must learn nothing of the login: neither the token nor cookies go there.
import type { Presigned } from '../../gen/parley/file/v1/file_pb';
import type { Source } from './past';

/** How long until the store answers a request or takes the first bytes: a network that swallows packets says nothing. */
const ANSWER_MS = 15_000;
/** How long an upload may stand still, and how long the store may think about it at the end. */
const STALL_MS = 60_000;

/** Fetches what a presigned link names. Fails if it is not what it must be. */
export async function fetchFrom({ url, sha256 }: Source, signal?: AbortSignal): Promise<Blob> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ANSWER_MS);
  const answer = await fetch(url, {
    mode: 'cors',
    credentials: 'omit',
    referrerPolicy: 'no-referrer',
    redirect: 'error',
    // No address is asked twice: a copy would only lie about.
    cache: 'no-store',
    signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
  }).finally(() => clearTimeout(timer));
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const blob = await answer.blob();
  if (sha256?.length && !same(sha256, new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())))) throw new Error('other bytes');
  return blob;
}

/** Sends a whole file; only XMLHttpRequest tells how much of it is on its way. */
export async function sendTo({ method, url, headers }: Pick<Presigned, 'method' | 'url' | 'headers'>, blob: Blob, progress: (share: number) => void, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const within = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(stop, ms);
    };
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => {
      within(STALL_MS);
      progress(loaded / blob.size);
    };
    request.onloadend = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      // 0: it was broken off, or there was no answer that this page may see.
      if (request.status >= 200 && request.status < 300) done();
      else fail(new Error(`HTTP ${request.status}`));
    };
    signal.addEventListener('abort', stop, { once: true });
    within(ANSWER_MS);
    request.send(blob);
  });
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
