// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryStorage } from '../../src/lib/storage/memory';
import { rows } from '../../src/lib/state/rows';
import { live, settle, texts, unread, world, type Copy, type World } from './fixture';

let w: World;
beforeEach(() => {
  vi.useFakeTimers();
  w = world();
});
afterEach(() => vi.useRealTimers());

const say = (text: string) => w.server.state.send(w.bob, w.conversation.id, text);
const hide = (seq: number, push = true) => w.server.state.hide(w.alice, w.conversation.id, seq, push);
const shown = (copy: Copy) => texts(copy, w.conversation.id);
const timeline = (copy: Copy) => copy.chat.replica.timelines.get(w.conversation.id)!;
const asked = () => w.server.calls.get('ListHidden') ?? 0;

describe('what a user hides', () => {
  it('is gone here and on the other devices at once, and stays for the others', async () => {
    const one = await live(w, w.alice);
    const other = await live(w, w.alice);
    const bob = await live(w, w.bob);
    for (const text of ['one', 'two', 'three']) say(text);
    await settle();
    await one.chat.hide(w.conversation.id, 2);
    await settle();
    expect(shown(one)).toEqual(['one', 'three']);
    expect(shown(other)).toEqual(['one', 'three']);
    expect(shown(bob)).toEqual(['one', 'two', 'three']);
    expect([unread(one, w.conversation.id), unread(other, w.conversation.id)]).toEqual([2, 2]);
    expect(rows(timeline(one), { from: 1, to: Infinity }, [], w.alice, 0).map((row) => row.kind)).toEqual(['day', 'message', 'message']);
    expect(asked()).toBe(0);
  });

  it('is asked for after an absence, and stays gone over a reload', async () => {
    const storage = new MemoryStorage();
    const first = await live(w, w.alice, storage);
    for (const text of ['one', 'two', 'three']) say(text);
    await settle();
    await first.chat.stop();
    hide(1, false);
    hide(3, false);
    const copy = await live(w, w.alice, storage);
    expect(shown(copy)).toEqual(['two']);
    expect(unread(copy, w.conversation.id)).toBe(1);
    expect(asked()).toBe(1);
    await copy.chat.stop();
    expect((await storage.loadMessages(w.conversation.id)).map((one) => one.text)).toEqual(['two']);
    w.server.down = true;
    expect(shown(await live(w, w.alice, storage))).toEqual(['two']);
  });

  it('does not come back with a change, nor with a page', async () => {
    const copy = await live(w, w.alice);
    for (const text of ['one', 'two']) say(text);
    await settle();
    await copy.chat.hide(w.conversation.id, 1);
    w.server.state.edit(w.conversation.id, 1, 'ONE');
    await settle();
    await copy.chat.replica.older(w.conversation.id, 3);
    expect(shown(copy)).toEqual(['two']);
    expect(timeline(copy).record.localRev).toBe(1);
  });

  it('leaves no gap in words, and an answer to it shows nothing of it', async () => {
    for (const text of ['one', 'two', 'three']) say(text);
    w.server.state.send(w.bob, w.conversation.id, 'to the second', undefined, true, Date.now(), 2n);
    hide(2, false);
    const copy = await live(w, w.alice);
    await copy.chat.replica.older(w.conversation.id, 5);
    const all = rows(timeline(copy), { from: 1, to: Infinity }, [], w.alice, 0);
    expect(all.map((row) => row.kind)).toEqual(['day', 'message', 'message', 'message']);
    expect(all.at(-1)).toMatchObject({ text: 'to the second', reply: undefined });
    expect(shown(copy)).toEqual(['one', 'three', 'to the second']);
  });

  it('leaves unread numbers equal to those of the server after every step of a random run', async () => {
    const copy = await live(w, w.alice);
    let random = 3;
    const next = (most: number) => (random = (random * 48271) % 2147483647) % most;
    for (let step = 0; step < 200; step++) {
      const last = w.conversation.messages.length;
      const push = next(4) > 0;
      if (last === 0 || next(2) === 0) say(`m${step}`);
      else if (next(3) === 0) w.server.state.read(w.alice, w.conversation.id, 1 + next(last));
      else hide(1 + next(last), push);
      await settle();
      // Nothing announces what was hidden while the connection lived but a new head.
      if (!push) {
        w.server.close(1006);
        await vi.advanceTimersByTimeAsync(31_000);
      }
      expect(unread(copy, w.conversation.id), `step ${step}`).toBe(w.server.state.head(w.conversation, w.alice).unread);
    }
  });
});
