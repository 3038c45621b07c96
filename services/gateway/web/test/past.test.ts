// SPDX-License-Identifier: Apache-2.0
import { beforeEach, afterEach, describe, expect, it, vi } from 'vitest';
import { ThumbnailSchema, FileSchema, LinkSchema, type File as WireFile } from '../src/gen/parley/file/v1/file_pb';
import { create } from '@bufbuild/protobuf';
import { Bytes } from '../src/lib/files/bytes';
import { PastFailed } from '../src/lib/files/past';
import { MISSING, Pictures } from '../src/lib/files/pictures.svelte';

const STORE = 'https://s3.example/chat/f';
const HERE = '/v1/files/f';
const SUM = new Uint8Array([0x2c, 0xf2, 0x4d, 0xba, 0x5f, 0xb0, 0xa3, 0x0e, 0x26, 0xe8, 0x3b, 0x2a, 0xc5, 0xb9, 0xe2, 0x9e, 0x1b, 0x16, 0x1e, 0x5c, 0x1f, 0xa7, 0x42, 0x5e, 0x73, 0x04, 0x33, 0x62, 0x93, 0x8b, 0x98, 0x24]);

/** What was asked of whom, and what they answer. */
let asked: { url: string; init: RequestInit }[];
let answers: Record<string, () => Response | Promise<Response>>;
let bytes: Bytes;
const urls = () => asked.map(({ url }) => url);
const hello = () => new Response('hello');
const refused = () => Promise.reject(new TypeError('Failed to fetch'));

beforeEach(() => {
  asked = [];
  answers = { [STORE]: hello, [HERE]: hello };
  bytes = new Bytes(() => 'secret');
  vi.stubGlobal('fetch', (url: string, init: RequestInit = {}) => {
    asked.push({ url, init });
    return Promise.resolve(answers[url]!());
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('a link', () => {
  it('to the object store goes there without anything of the login', async () => {
    const blob = await bytes.get({ url: STORE, presigned: true, sha256: SUM });
    expect(await blob.text()).toBe('hello');
    expect(asked[0]!.init).toMatchObject({ mode: 'cors', credentials: 'omit', referrerPolicy: 'no-referrer', redirect: 'error' });
    expect(asked[0]!.init.headers).toBeUndefined();
  });

  it('through Parley carries the token', async () => {
    await bytes.get({ url: HERE, presigned: false });
    expect(asked[0]!.init.headers).toEqual({ Authorization: 'Bearer secret' });
  });

  it.each([
    ['does not answer', refused, SUM],
    ['refuses', () => new Response('', { status: 403 }), SUM],
    ['gives other bytes', hello, SUM.with(0, 1)],
  ])('fails as one past Parley if the store %s', async (_, answer, sha256) => {
    answers[STORE] = answer;
    await expect(bytes.get({ url: STORE, presigned: true, sha256 })).rejects.toThrow(PastFailed);
  });

  it('does not wait for a network that says nothing', async () => {
    vi.useFakeTimers();
    vi.stubGlobal('fetch', (_url: string, { signal }: RequestInit) => new Promise((__, fail) => signal!.addEventListener('abort', () => fail(signal!.reason as Error))));
    const got = expect(bytes.get({ url: STORE, presigned: true })).rejects.toThrow(PastFailed);
    await vi.advanceTimersByTimeAsync(15_000);
    await got;
  });

  it('that nobody waits for any more fails as such', async () => {
    const control = new AbortController();
    answers[STORE] = () => {
      control.abort(new Error('gone'));
      return refused();
    };
    await expect(bytes.get({ url: STORE, presigned: true }, control.signal)).rejects.toThrow('gone');
  });
});

describe('a file that is fetched', () => {
  const ask = vi.fn((throughParley: boolean) => Promise.resolve(throughParley ? { url: HERE } : { url: STORE, presigned: true }));
  beforeEach(() => ask.mockClear());

  it('comes from the object store', async () => {
    await bytes.fetch(ask);
    expect(urls()).toEqual([STORE]);
    expect(bytes.past.closed).toBe(false);
  });

  it('comes through Parley where the store fails, and then always', async () => {
    answers[STORE] = refused;
    expect(await (await bytes.fetch(ask)).text()).toBe('hello');
    await bytes.fetch(ask);
    expect(urls()).toEqual([STORE, HERE, HERE]);
    expect(ask.mock.calls).toEqual([[false], [true], [true]]);
  });

  it('is tried at the store again where Parley did not answer either', async () => {
    answers[STORE] = answers[HERE] = refused;
    await expect(bytes.fetch(ask)).rejects.toThrow(TypeError);
    expect(bytes.past.closed).toBe(false);
  });

  it('that Parley refuses is not asked for again', async () => {
    answers[HERE] = () => new Response('', { status: 404 });
    await expect(bytes.fetch(() => Promise.resolve({ url: HERE }))).rejects.toThrow('404');
    expect(urls()).toEqual([HERE]);
  });
});

describe('pictures', () => {
  const list = vi.fn((ids: string[], throughParley: boolean) => Promise.resolve({ files: ids.map((id) => file(id, throughParley)) }));
  let pictures: Pictures;
  beforeEach(() => {
    list.mockClear();
    vi.useFakeTimers();
    vi.stubGlobal('URL', { createObjectURL: (blob: Blob) => `blob:${blob.size}`, revokeObjectURL: () => undefined });
    vi.stubGlobal('fetch', (url: string) => {
      asked.push({ url, init: {} });
      return Promise.resolve((answers[url] ?? hello)());
    });
    pictures = new Pictures(bytes, list);
  });
  const shown = async (id: string, points = 100) => {
    pictures.of(id, points);
    await vi.waitFor(() => expect(pictures.of(id, points)).toBeDefined());
    return pictures.of(id, points);
  };

  it('come from the object store, small ones where those will do', async () => {
    expect(await shown('f')).toBe('blob:5');
    expect(await shown('f', 1_000)).toBe('blob:5');
    expect(urls()).toEqual([`${STORE}/f/small`, `${STORE}/f`]);
  });

  it('come through Parley where the store fails, in one question for all, and then always', async () => {
    for (const id of ['a', 'b']) answers[`${STORE}/${id}/small`] = refused;
    pictures.of('a', 100);
    expect(await shown('b')).toBe('blob:5');
    expect(await shown('a')).toBe('blob:5');
    expect(await shown('c')).toBe('blob:5');
    expect(list.mock.calls).toEqual([
      [['a', 'b'], false],
      [['a', 'b'], true],
      [['c'], true],
    ]);
    expect(urls().filter((url) => url.startsWith(STORE))).toHaveLength(2);
  });

  it('are missing where they cannot be had at all, and the store is tried again later', async () => {
    answers[`${STORE}/f/small`] = refused;
    answers[`${HERE}/f/small`] = refused;
    expect(await shown('f')).toBe(MISSING);
    expect(bytes.past.closed).toBe(false);
    answers = {};
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await shown('f')).toBe('blob:5');
    expect(urls().at(-1)).toBe(`${STORE}/f/small`);
  });

  it('are asked for once more only, whatever the server answers', async () => {
    answers[`${STORE}/f/small`] = refused;
    list.mockImplementation((ids) => Promise.resolve({ files: ids.map((id) => file(id, false)) }));
    expect(await shown('f')).toBe(MISSING);
    expect(list).toHaveBeenCalledTimes(2);
  });
});

function file(id: string, throughParley: boolean): WireFile {
  const link = (more: string) => create(LinkSchema, { url: `${throughParley ? HERE : STORE}/${id}${more}`, presigned: !throughParley });
  const small = create(ThumbnailSchema, { width: 320, height: 240, link: link('/small') });
  return create(FileSchema, { fileId: id, width: 2_000, height: 1_500, sha256: SUM, link: link(''), thumbnails: [small] });
}

describe('a whole file that is sent', () => {
  /** FakeRequest is an XMLHttpRequest whose other side is the test. */
  class FakeRequest {
    static last: FakeRequest;
    upload: { onprogress?: (event: { loaded: number }) => void } = {};
    onloadend?: () => void;
    withCredentials = false;
    status = 0;
    opened: string[] = [];
    headers: Record<string, string> = {};
    body?: Blob;
    constructor() {
      FakeRequest.last = this;
    }
    open(method: string, url: string) {
      this.opened = [method, url];
    }
    setRequestHeader(name: string, value: string) {
      this.headers[name] = value;
    }
    send(body: Blob) {
      this.body = body;
    }
    abort() {
      this.end(0);
    }
    end(status: number) {
      this.status = status;
      this.onloadend?.();
    }
  }
  const headers = { 'Content-Type': 'application/octet-stream', 'X-Amz-Checksum-Sha256': 'x' };
  const blob = new Blob(['0123456789']);
  let shares: number[];
  let control: AbortController;
  let sent: Promise<string>;
  let request: FakeRequest;
  beforeEach(async () => {
    vi.useFakeTimers();
    vi.stubGlobal('XMLHttpRequest', FakeRequest);
    shares = [];
    control = new AbortController();
    const before = FakeRequest.last;
    sent = bytes.past.put({ method: 'PUT', url: STORE, headers }, blob, (share) => shares.push(share), control.signal).then(
      () => 'done',
      (error: Error) => (error instanceof PastFailed ? 'failed' : error.message),
    );
    await vi.waitFor(() => expect(FakeRequest.last).not.toBe(before));
    request = FakeRequest.last;
  });

  it('goes as it was signed, without anything of the login, and tells how far it is', async () => {
    expect(request).toMatchObject({ opened: ['PUT', STORE], headers, body: blob, withCredentials: false });
    for (const loaded of [4, 10]) request.upload.onprogress!({ loaded });
    request.end(200);
    expect(await sent).toBe('done');
    expect(shares).toEqual([0.4, 1]);
  });

  it.each([0, 400, 403, 503])('fails if the store answers %d', async (status) => {
    request.end(status);
    expect(await sent).toBe('failed');
  });

  it('does not wait for a network that says nothing', async () => {
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await sent).toBe('failed');
  });

  it('may take long as long as it moves', async () => {
    for (let loaded = 1; loaded <= 10; loaded++) {
      await vi.advanceTimersByTimeAsync(loaded === 1 ? 14_000 : 59_000);
      request.upload.onprogress!({ loaded });
    }
    request.end(200);
    expect(await sent).toBe('done');
  });

  it('fails where it stands still', async () => {
    request.upload.onprogress!({ loaded: 1 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await sent).toBe('failed');
  });

  it('ends when nobody wants it any more', async () => {
    control.abort(new Error('gone'));
    expect(await sent).toBe('gone');
  });
});
