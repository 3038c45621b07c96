// SPDX-License-Identifier: Apache-2.0
import { Code } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Bytes } from '../src/lib/files/bytes';
import { failure } from '../src/lib/protocol/reasons';

const busy = () => new Response('{}', { status: 429, headers: { 'Retry-After': '2' } });

describe('who is told to wait', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('waits as long as it was told and gets the bytes', async () => {
    const fetched = vi.fn<() => Promise<Response>>().mockImplementationOnce(async () => busy()).mockImplementationOnce(async () => busy());
    fetched.mockImplementation(async () => new Response('bytes'));
    vi.stubGlobal('fetch', fetched);
    const got = new Bytes(() => 'token').get({ url: '/v1/files/f', presigned: false });
    await vi.advanceTimersByTimeAsync(1_999);
    expect(fetched).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await (await got).text()).toBe('bytes');
    expect(fetched).toHaveBeenCalledTimes(3);
  });

  it('gives up after a while, with the reason', async () => {
    vi.stubGlobal('fetch', async () => busy());
    const got = new Bytes(() => 'token').get({ url: '/v1/files/f', presigned: false }).catch(failure);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await got).toMatchObject({ code: Code.ResourceExhausted, reason: 'RATE_LIMITED' });
  });

  it('is told of an upload in a way that lets it go on', async () => {
    vi.stubGlobal('fetch', async () => busy());
    const put = new Bytes(() => 'token').put('/v1/files/f', new Blob(['x']), 0, new AbortController().signal);
    expect(failure(await put.catch((error: unknown) => error))).toMatchObject({ reason: 'RATE_LIMITED' });
  });
});

describe('downloads', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('are six at once, and all of them come', async () => {
    let running = 0;
    let most = 0;
    const answers: (() => void)[] = [];
    vi.stubGlobal('fetch', async (url: string) => {
      most = Math.max(most, ++running);
      await new Promise<void>((go) => answers.push(go));
      running--;
      return url.endsWith('7') ? new Response('', { status: 404 }) : new Response(url);
    });
    const bytes = new Bytes(() => 'token');
    const all = Array.from({ length: 20 }, (_, i) => bytes.get({ url: `/${i}`, presigned: false }).then((blob) => blob.text()).catch(() => 'none'));
    for (let done = 0; done < all.length; ) {
      await vi.waitFor(() => expect(answers.length).toBeGreaterThan(0));
      for (const answer of answers.splice(0)) {
        answer();
        done++;
      }
    }
    const got = await Promise.all(all);
    expect(most).toBe(6);
    expect(got).toEqual(Array.from({ length: 20 }, (_, i) => (i % 10 === 7 ? 'none' : `/${i}`)));
  });
});
