// SPDX-License-Identifier: Apache-2.0
import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OutboxFile } from '../../src/lib/protocol/model';
import { MemoryStorage } from '../../src/lib/storage/memory';
import { live, texts, world, type World } from './fixture';

const MIB = 1 << 20;
let w: World;
beforeEach(() => {
  // Hashes and bytes come in real time; only waits are counted.
  vi.useFakeTimers({ shouldAdvanceTime: true, toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  w = world();
});
afterEach(() => vi.useRealTimers());

function fileOf(size: number): OutboxFile {
  const blob = new Blob([new Uint8Array(size).map((_, i) => i % 251)]);
  return { kind: 'file', name: '报告.pdf', size, type: 'application/pdf', blob };
}
const stored = () => w.conversation.messages.map((one) => one.content.case);

describe('a file', () => {
  it('is on the server before its message, and the message shows it', async () => {
    const copy = await live(w, w.alice);
    await copy.chat.sendFile(w.conversation.id, fileOf(2.5 * MIB));
    await vi.waitFor(() => expect(stored()).toEqual(['file']));
    expect(w.server.files.parts.map((one) => one.offset)).toEqual([0, MIB, 2 * MIB]);
    await vi.waitFor(() => expect(copy.chat.unsent(w.conversation.id)).toEqual([]));
    const timeline = copy.chat.replica.timelines.get(w.conversation.id)!;
    expect(timeline.messages.get(1)?.file).toMatchObject({ kind: 'file', name: '报告.pdf', size: 2.5 * MIB });
    expect(await copy.storage.loadOutbox()).toEqual([]);
  });

  it('goes on where a break stopped it', async () => {
    const copy = await live(w, w.alice);
    let cuts = 2;
    w.server.files.beforePart = (offset) => {
      if (offset === MIB && cuts-- > 0) throw new TypeError('Failed to fetch');
    };
    await copy.chat.sendFile(w.conversation.id, fileOf(2 * MIB));
    await vi.waitFor(() => expect(stored()).toEqual(['file']), { timeout: 10_000 });
    // What the server had was not sent again.
    expect(w.server.files.parts.map((one) => one.offset)).toEqual([0, MIB]);
    expect(w.server.files.uploads.size).toBe(1);
  });

  it('goes on after the page was closed, from what the device kept', async () => {
    const storage = new MemoryStorage();
    const copy = await live(w, w.alice, storage);
    w.server.files.beforePart = (offset) => {
      if (offset === MIB) throw new TypeError('Failed to fetch');
    };
    await copy.chat.sendFile(w.conversation.id, fileOf(2 * MIB));
    await vi.waitFor(() => expect(w.server.files.parts).toHaveLength(1));
    await copy.chat.stop();
    w.server.files.beforePart = () => undefined;
    await live(w, w.alice, storage);
    await vi.waitFor(() => expect(stored()).toEqual(['file']));
    expect(w.server.files.parts.map((one) => one.offset)).toEqual([0, MIB]);
  });

  it('does not hold up texts that are written after it', async () => {
    const copy = await live(w, w.alice);
    w.server.files.beforePart = () => {
      throw new TypeError('Failed to fetch');
    };
    await copy.chat.sendFile(w.conversation.id, fileOf(10));
    await copy.chat.send(w.conversation.id, 'meanwhile');
    await vi.waitFor(() => expect(texts(copy, w.conversation.id)).toEqual(['meanwhile']));
    expect(copy.chat.unsent(w.conversation.id)).toHaveLength(1);
  });

  it('that the server does not want is told with the reason, and can be sent again', async () => {
    const copy = await live(w, w.alice);
    w.server.files.refuse = 'QUOTA_EXCEEDED';
    await copy.chat.sendFile(w.conversation.id, fileOf(10));
    await vi.waitFor(() => expect(copy.chat.unsent(w.conversation.id)[0]).toMatchObject({ state: 'refused', reason: 'QUOTA_EXCEEDED' }));
    w.server.files.refuse = undefined;
    await copy.chat.outbox.retry(copy.chat.unsent(w.conversation.id)[0]!.clientMessageId);
    await vi.waitFor(() => expect(stored()).toEqual(['file']));
  });

  it('says so while the server has no place for files, and goes on by itself', async () => {
    const copy = await live(w, w.alice);
    w.server.files.away = true;
    await copy.chat.sendFile(w.conversation.id, fileOf(10));
    await vi.waitFor(() => expect(copy.chat.unsent(w.conversation.id)[0]).toMatchObject({ state: 'waiting', held: true }));
    await copy.chat.send(w.conversation.id, 'meanwhile');
    await vi.waitFor(() => expect(texts(copy, w.conversation.id)).toEqual(['meanwhile']));
    w.server.files.away = false;
    await vi.waitFor(() => expect(stored()).toEqual(['text', 'file']), { timeout: 10_000 });
  });

  it('can be taken back while it is on its way', async () => {
    const copy = await live(w, w.alice);
    w.server.files.beforePart = () => {
      throw new ConnectError('away', Code.Unavailable);
    };
    await copy.chat.sendFile(w.conversation.id, fileOf(10));
    await vi.waitFor(() => expect(copy.chat.unsent(w.conversation.id)[0]?.share).toBe(0));
    await copy.chat.outbox.discard(copy.chat.unsent(w.conversation.id)[0]!.clientMessageId);
    expect(copy.chat.unsent(w.conversation.id)).toEqual([]);
    w.server.files.beforePart = () => undefined;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stored()).toEqual([]);
  });
});

describe('a file past the server', () => {
  const parts = () => w.server.files.parts.map((one) => one.offset);
  beforeEach(() => (w.server.files.presigns = true));

  it('goes to the object store as a whole', async () => {
    const copy = await live(w, w.alice);
    await copy.chat.sendFile(w.conversation.id, fileOf(2.5 * MIB));
    await vi.waitFor(() => expect(stored()).toEqual(['file']));
    expect(w.server.files.stored).toHaveLength(1);
    expect(parts()).toEqual([]);
    expect(w.server.files.past.closed).toBe(false);
  });

  it('tells how much of it is on its way', async () => {
    const copy = await live(w, w.alice);
    let tell = () => undefined as void;
    const held = new Promise<void>((go) => (tell = go));
    const { put } = w.server.files.past;
    w.server.files.past.put = async (request, blob, progress) => {
      progress(0.25);
      await held;
      return put(request, blob, progress);
    };
    await copy.chat.sendFile(w.conversation.id, fileOf(10));
    await vi.waitFor(() => expect(copy.chat.unsent(w.conversation.id)[0]?.share).toBe(0.25));
    tell();
    await vi.waitFor(() => expect(stored()).toEqual(['file']));
  });

  it('goes through Parley at once where the store does not take it, and so do those after it', async () => {
    const copy = await live(w, w.alice);
    w.server.files.beforeStore = () => {
      throw new TypeError('Failed to fetch');
    };
    await copy.chat.sendFile(w.conversation.id, fileOf(1.5 * MIB));
    await vi.waitFor(() => expect(stored()).toEqual(['file']));
    expect(parts()).toEqual([0, MIB]);
    expect(w.server.files.past.closed).toBe(true);
    await copy.chat.sendFile(w.conversation.id, fileOf(10));
    await vi.waitFor(() => expect(stored()).toEqual(['file', 'file']));
    expect(w.server.files.stored).toHaveLength(1);
    expect(w.server.files.uploads.size).toBe(2);
  });

  it('tries the store again where nothing could be reached', async () => {
    const copy = await live(w, w.alice);
    let away = true;
    const broken = () => {
      if (away) throw new TypeError('Failed to fetch');
    };
    w.server.files.beforeStore = w.server.files.beforePart = broken;
    await copy.chat.sendFile(w.conversation.id, fileOf(10));
    await vi.waitFor(() => expect(w.server.files.stored).toHaveLength(1));
    away = false;
    await vi.waitFor(() => expect(stored()).toEqual(['file']), { timeout: 10_000 });
    expect(parts()).toEqual([0]);
  });

  it('is not sent again if only its end was not heard of', async () => {
    const copy = await live(w, w.alice);
    let cuts = 1;
    w.server.files.beforeComplete = () => {
      if (cuts-- > 0) throw new ConnectError('away', Code.Unavailable);
    };
    await copy.chat.sendFile(w.conversation.id, fileOf(10));
    await vi.waitFor(() => expect(stored()).toEqual(['file']), { timeout: 10_000 });
    expect(w.server.files.stored).toHaveLength(1);
    expect(parts()).toEqual([]);
  });

  it('goes through Parley where the store that took it is another one', async () => {
    const copy = await live(w, w.alice);
    w.server.files.elsewhere = true;
    await copy.chat.sendFile(w.conversation.id, fileOf(10));
    await vi.waitFor(() => expect(stored()).toEqual(['file']));
    expect(w.server.files.stored).toHaveLength(1);
    expect(parts()).toEqual([0]);
    expect(w.server.files.past.closed).toBe(true);
  });

  it('can be taken back while it is on its way', async () => {
    const copy = await live(w, w.alice);
    let on: AbortSignal | undefined;
    w.server.files.past.put = (_request, _blob, _progress, signal?: AbortSignal) => {
      on = signal;
      return new Promise((_, fail) => signal!.addEventListener('abort', () => fail(signal!.reason as Error)));
    };
    await copy.chat.sendFile(w.conversation.id, fileOf(10));
    await vi.waitFor(() => expect(on).toBeDefined());
    await copy.chat.outbox.discard(copy.chat.unsent(w.conversation.id)[0]!.clientMessageId);
    expect(on!.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(parts()).toEqual([]);
    expect(w.server.files.past.closed).toBe(false);
  });
});

describe('pictures and voice messages', () => {
  it('carry what belongs to them', async () => {
    const copy = await live(w, w.alice);
    await copy.chat.sendFile(w.conversation.id, { ...fileOf(10), kind: 'image', type: 'image/png', alt: 'A cat' });
    await vi.waitFor(() => expect(stored()).toEqual(['image']));
    await copy.chat.sendFile(w.conversation.id, { ...fileOf(10), kind: 'voice', type: 'audio/webm', durationMs: 4_200, waveform: [0, 128, 255] });
    await vi.waitFor(() => expect(stored()).toEqual(['image', 'voice']));
    const [image, voice] = w.conversation.messages.map((one) => one.content.value);
    expect(image).toMatchObject({ alt: 'A cat' });
    expect(voice).toMatchObject({ durationMs: 4_200, waveform: new Uint8Array([0, 128, 255]) });
  });
});
