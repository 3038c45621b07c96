// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ChatMessage } from '../../src/lib/protocol/model';
import { Timeline, unknownConversation } from '../../src/lib/protocol/timeline';
import { MemoryStorage } from '../../src/lib/storage/memory';
import { Actions } from '../../src/lib/state/actions.svelte';
import { live, settle, socket, texts, unread, world, type Copy, type World } from './fixture';

let w: World;
beforeEach(() => {
  vi.useFakeTimers();
  w = world();
});
afterEach(() => vi.useRealTimers());

const say = (text: string, push = true) => w.server.state.send(w.bob, w.conversation.id, text, undefined, push);
const edit = (seq: number, text: string, push = true) => w.server.state.edit(w.conversation.id, seq, text, push);
const recall = (seq: number, push = true) => w.server.state.recall(w.bob, w.conversation.id, seq, push);
const shown = (copy: Copy) => texts(copy, w.conversation.id);
const timeline = (copy: Copy) => copy.chat.replica.timelines.get(w.conversation.id)!;
const asked = () => w.server.calls.get('ListChanges') ?? 0;

describe('changes of messages', () => {
  it('show the new text and the tombstone', async () => {
    const copy = await live(w, w.alice);
    say('one');
    say('two');
    edit(1, 'ONE');
    recall(2);
    await settle();
    expect(shown(copy)).toEqual(['ONE', '?']);
    expect(timeline(copy).messages.get(2)?.recalled?.by).toBe(w.bob);
    expect(timeline(copy).messages.get(1)?.editedAt).toBeGreaterThan(0);
    expect(asked()).toBe(0);
  });

  it('are no news, and neither is what stood there before or what the reader wrote elsewhere', async () => {
    say('before');
    const copy = await live(w, w.alice);
    say('news');
    w.server.state.send(w.alice, w.conversation.id, 'mine, from elsewhere', undefined, true);
    edit(2, 'NEWS');
    recall(1);
    await settle();
    expect(shown(copy)).toEqual(['?', 'NEWS', 'mine, from elsewhere']);
    expect(copy.arrived).toEqual(['news']);
  });

  it('are not told again', async () => {
    const copy = await live(w, w.alice);
    say('one');
    const first = edit(1, 'ONE');
    edit(1, 'One!');
    await settle();
    for (const message of [first, first]) {
      socket(w, w.alice).deliver({ kind: { case: 'change', value: { conversationId: w.conversation.id, rev: message.rev, message } } });
    }
    await settle();
    expect(shown(copy)).toEqual(['One!']);
    expect(timeline(copy).record.localRev).toBe(2);
    expect(asked()).toBe(0);
  });

  it('are pulled when one before is missing', async () => {
    const copy = await live(w, w.alice);
    say('one');
    say('two');
    await settle();
    edit(1, 'lost on the way', false);
    edit(2, 'TWO');
    await settle();
    expect(shown(copy)).toEqual(['lost on the way', 'TWO']);
    expect(timeline(copy).record.localRev).toBe(2);
    expect(asked()).toBe(1);
  });

  it('are pulled when the last one was lost and nothing follows', async () => {
    const copy = await live(w, w.alice);
    say('one');
    await settle();
    recall(1, false);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(shown(copy)).toEqual(['?']);
  });

  it('show reactions, the own one and those of others, given and taken away', async () => {
    const copy = await live(w, w.alice);
    say('cake?');
    await settle();
    const actions = new Actions(copy);
    await actions.react(w.conversation.id, 1, '👍', false);
    w.server.state.react(w.bob, w.conversation.id, 1, '👍', false);
    w.server.state.react(w.bob, w.conversation.id, 1, '🎉', false);
    await settle();
    const reactions = () => timeline(copy).messages.get(1)?.reactions?.map((one) => `${one.emoji}${one.count}`);
    expect(reactions()).toEqual(['👍2', '🎉1']);
    await actions.react(w.conversation.id, 1, '👍', true);
    await settle();
    expect(reactions()).toEqual(['🎉1', '👍1']);
    expect(timeline(copy).messages.get(1)?.text).toBe('cake?');
    expect(unread(copy, w.conversation.id)).toBe(1);
  });

  it('are pulled page by page after an absence, and kept over a reload', async () => {
    const storage = new MemoryStorage();
    const first = await live(w, w.alice, storage);
    for (let i = 1; i <= 130; i++) say(`m${i}`);
    await settle();
    await first.chat.stop();
    for (let i = 1; i <= 130; i++) edit(i, `e${i}`, false);
    const copy = await live(w, w.alice, storage);
    expect(shown(copy)).toEqual(Array.from({ length: 130 }, (_, i) => `e${i + 1}`));
    expect(asked()).toBe(2);
    await copy.chat.stop();
    w.server.down = true;
    expect(shown(await live(w, w.alice, storage))[129]).toBe('e130');
  });

  it('load again what is shown when there are too many', async () => {
    const storage = new MemoryStorage();
    const first = await live(w, w.alice, storage);
    say('one');
    await settle();
    await first.chat.stop();
    for (let i = 0; i < 1_001; i++) edit(1, `e${i}`, false);
    const copy = await live(w, w.alice, storage);
    expect(shown(copy)).toEqual(['e1000']);
    expect(asked()).toBe(0);
  });

  it('that overtake their message leave nothing of its old text', async () => {
    const copy = await live(w, w.alice);
    const { seq } = say('secret', false);
    const before = w.conversation.messages[0]!;
    recall(Number(seq));
    await settle();
    w.server.state.push(before);
    await settle();
    expect(shown(copy)).toEqual(['?']);
    expect(unread(copy, w.conversation.id)).toBe(0);
  });

  it('of a message that waits for one before it show once it is in its place', async () => {
    const copy = await live(w, w.alice);
    say('one', false);
    say('two');
    recall(2);
    await vi.advanceTimersByTimeAsync(600);
    expect(shown(copy)).toEqual(['one', '?']);
    expect(unread(copy, w.conversation.id)).toBe(1);
  });

  it('do not reach a copy in storage that another tab has newer', async () => {
    const storage = new MemoryStorage();
    const copy = await live(w, w.alice, storage);
    say('one');
    await settle();
    const stored = (await storage.loadMessages(w.conversation.id))[0]!;
    await storage.save([], [{ ...stored, rev: 7, text: 'newer' }]);
    await storage.save([], [stored]);
    expect((await storage.loadMessages(w.conversation.id))[0]!.text).toBe('newer');
    await copy.chat.stop();
  });
});

describe('unread numbers and changes', () => {
  it('fall with a recalled message and stay with an edited one', async () => {
    const copy = await live(w, w.alice);
    for (const text of ['one', 'two', 'three']) say(text);
    await settle();
    edit(1, 'ONE');
    await settle();
    expect(unread(copy, w.conversation.id)).toBe(3);
    recall(2);
    await settle();
    expect(unread(copy, w.conversation.id)).toBe(2);
  });

  it('equal those of the server after every step of a random run', async () => {
    const copy = await live(w, w.alice);
    let random = 5;
    const next = (most: number) => (random = (random * 48271) % 2147483647) % most;
    for (let step = 0; step < 300; step++) {
      const last = w.conversation.messages.length;
      const seq = 1 + next(Math.max(1, last));
      const push = next(4) > 0;
      if (last === 0 || next(3) === 0) say(`m${step}`, push);
      else if (next(3) === 0) edit(seq, `e${step}`, push);
      else if (next(3) === 0) w.server.state.read(w.alice, w.conversation.id, seq);
      else if (w.conversation.messages[seq - 1]!.content.case === 'text') recall(seq, push);
      await settle();
      if (!push || next(5) === 0) await vi.advanceTimersByTimeAsync(30_000);
      expect(unread(copy, w.conversation.id), `step ${step}`).toBe(w.server.state.head(w.conversation, w.alice).unread);
    }
  });

  it('take no recall off twice that the head counted already', () => {
    const t = new Timeline({ ...unknownConversation('c'), memberIds: ['me', 'you'] }, 'me');
    const message = (seq: number): ChatMessage => ({ conversationId: 'c', seq, messageId: `m${seq}`, clientMessageId: '', senderId: 'you', sentAt: 0, rev: 0, text: 't' });
    [1, 2, 3].forEach((seq) => t.accept(message(seq)));
    t.applyHead({ conversationId: 'c', seq: 3, rev: 1, membersRev: 0, readSeq: 0, unread: 2 });
    t.follow({ ...message(2), text: undefined, rev: 1, recalled: { by: 'you', at: 1 } });
    expect(t.record.head.unread).toBe(2);
  });
});

describe('the own messages', () => {
  const text = (copy: Copy, seq: number) => timeline(copy).messages.get(seq)?.text;
  const sent = async (body: string) => {
    const copy = await live(w, w.alice);
    await copy.chat.send(w.conversation.id, body);
    await settle();
    return { copy, actions: new Actions(copy), id: w.conversation.id };
  };

  it('get another text', async () => {
    const { copy, actions, id } = await sent('helo');
    actions.startEdit(id, 1, 'helo');
    actions.setEdit(id, 'hello');
    await actions.saveEdit(id);
    await settle();
    expect(text(copy, 1)).toBe('hello');
    expect(actions.editing.size).toBe(0);
  });

  it('cost no call when the text is as it was', async () => {
    const { actions, id } = await sent('hello');
    actions.startEdit(id, 1, 'hello');
    await actions.saveEdit(id);
    expect(w.server.calls.get('Edit')).toBeUndefined();
    expect(actions.editing.size).toBe(0);
  });

  it('keep the typed text, and the user learns why, when the server refuses', async () => {
    const { copy, actions, id } = await sent('helo');
    actions.startEdit(id, 1, 'helo');
    actions.setEdit(id, 'hello');
    w.server.down = true;
    await actions.saveEdit(id);
    expect(actions.notice).toMatch(/cannot be reached/);
    expect(actions.editing.get(id)?.text).toBe('hello');
    w.server.down = false;
    await vi.advanceTimersByTimeAsync(121_000);
    await actions.recall(id, 1);
    expect(actions.notice).toMatch(/too late/);
    expect(text(copy, 1)).toBe('helo');
  });

  it('can be taken back', async () => {
    const { copy, actions, id } = await sent('oops');
    await actions.recall(id, 1);
    expect(timeline(copy).messages.get(1)?.recalled?.by).toBe(w.alice);
    expect(actions.notice).toBe('');
  });

  it('are offered by the time of the server, whatever the clock here says', async () => {
    const clock = Date.now();
    const { copy } = await sent('hello');
    socket(w, w.alice).end(1006, '');
    vi.setSystemTime(clock + 86_400_000);
    w.server.clock = () => Date.now() - 86_400_000;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(Math.abs(copy.chat.now() - clock)).toBeLessThan(10_000);
  });
});
