// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConversationView } from '../src/lib/state/conversation.svelte';
import { FORWARD_MOST, Forwarding, found, targets } from '../src/lib/state/forwarding.svelte';
import type { Summary } from '../src/lib/state/summary';
import { nameFits } from '../src/lib/text/names';
import type { Friend } from '../src/lib/protocol/people';
import { MemoryStorage } from '../src/lib/storage/memory';
import { live, settle, socket, world, type Copy, type World } from './protocol/fixture';
import type { FakeConversation } from './fake/state';

let w: World;
let cleo: string;
let other: FakeConversation;
beforeEach(() => {
  vi.useFakeTimers();
  w = world();
  cleo = w.server.state.addUser('cleo', 'Cleo').userId;
  other = w.server.state.befriend(w.alice, cleo);
  for (const text of ['one', 'two', 'three']) w.server.state.send(w.bob, w.conversation.id, text);
});
afterEach(() => vi.useRealTimers());

/** A copy that shows the conversation to forward from. */
const reader = async (userId: string, storage?: MemoryStorage) => {
  const copy = await live(w, userId, storage);
  await copy.chat.replica.older(w.conversation.id, 4);
  return copy;
};
const sent = () => socket(w, w.alice).received.flatMap((frame) => (frame.kind.case === 'send' ? [frame.kind.value] : []));
const view = (copy: Copy, userId: string) => {
  const made = new ConversationView(copy.chat, copy.chat.replica.timelines.get(other.id)!, userId, undefined);
  return () => (made.refresh(), made.rows.flatMap((row) => (row.kind === 'message' ? [row] : [])));
};

describe('forwarding', () => {
  it('sends chosen messages in their order, as copies without content', async () => {
    const copy = await reader(w.alice);
    const forwarding = new Forwarding(copy);
    forwarding.choose(w.conversation.id, 3);
    forwarding.toggle(1);
    forwarding.toggle(2);
    forwarding.toggle(2);
    forwarding.ask(w.conversation.id);
    await forwarding.send([other.id]);
    await settle();
    expect(sent().map(({ content, forwardOf }) => [content, forwardOf?.conversationId, Number(forwardOf?.seq)])).toEqual([
      [undefined, w.conversation.id, 1],
      [undefined, w.conversation.id, 3],
    ]);
    expect(other.messages.map((one) => one.content.value)).toMatchObject([{ body: 'one' }, { body: 'three' }]);
    expect([forwarding.from, forwarding.chosen.size, forwarding.asked]).toEqual(['', 0, undefined]);
  });

  it('goes out once, as the same message, also after a reload', async () => {
    const storage = new MemoryStorage();
    const copy = await reader(w.alice, storage);
    w.server.muteSends = true;
    await copy.chat.forward(other.id, { conversationId: w.conversation.id, seq: 2 });
    await settle();
    await copy.chat.stop();
    w.server.muteSends = false;
    const again = await live(w, w.alice, storage);
    expect(other.messages).toHaveLength(1);
    expect(again.chat.unsent(other.id)).toEqual([]);
  });

  it('shows the text at once, and the source only once a page named it', async () => {
    const copy = await reader(w.alice);
    const shown = view(copy, w.alice);
    w.server.muteSends = true;
    w.server.state.deliver = () => undefined;
    await copy.chat.forward(other.id, { conversationId: w.conversation.id, seq: 2 });
    expect(shown()).toMatchObject([{ text: 'two', forwarded: true, state: 'sending' }]);
    w.server.muteSends = false;
    await vi.advanceTimersByTimeAsync(12_000);
    shown();
    await settle();
    expect(shown()).toMatchObject([{ text: 'two', forwarded: true, source: { conversationId: w.conversation.id, seq: 2, senderId: w.bob } }]);
  });

  it('tells nobody the source who cannot see it, and asks once', async () => {
    const copy = await live(w, cleo);
    const shown = view(copy, cleo);
    w.server.state.forward(w.alice, other.id, w.conversation.id, 1);
    w.server.state.forward(w.alice, other.id, w.conversation.id, 2);
    await settle();
    const before = w.server.calls.get('ListMessages') ?? 0;
    for (let i = 0; i < 3; i++) {
      shown();
      await settle();
    }
    expect(shown()).toMatchObject([{ forwarded: true, source: null }, { forwarded: true, source: null }]);
    expect((w.server.calls.get('ListMessages') ?? 0) - before).toBe(1);
  });

  it('has a bound', async () => {
    const forwarding = new Forwarding(await live(w, w.alice));
    forwarding.choose(w.conversation.id, 1);
    for (let seq = 2; seq < FORWARD_MOST + 9; seq++) forwarding.toggle(seq);
    expect(forwarding.chosen.size).toBe(FORWARD_MOST);
  });
});

describe('targets', () => {
  const line = (id: string, name: string, more: Partial<Summary> = {}) => ({ id, name, peerId: `u-${id}`, group: false, readOnly: false, ...more }) as Summary;
  const friend = (id: string, nickname: string, conversationId: string): Friend => ({ person: { userId: id, username: id, nickname, description: '' }, since: 0, conversationId });

  it('are conversations where one can write, then friends who are not in the list, each once', () => {
    const list = [line('a', '王小明'), line('b', 'Old', { readOnly: true }), line('g', '码头 harbour', { group: true })];
    const all = targets(list, [friend('u-a', '王小明', 'a'), friend('zoe', 'Zoe', 'z'), friend('gone', 'Gone', '')], () => 'xm');
    expect(all.map((one) => one.conversationId)).toEqual(['a', 'g', 'z']);
    expect(found(all, '明').map((one) => one.conversationId)).toEqual(['a']);
    expect(found(all, '@zo').map((one) => one.conversationId)).toEqual(['z']);
    expect(found(all, 'xm').map((one) => one.conversationId)).toEqual(['a']);
    expect(found(all, '')).toHaveLength(3);
  });
});

describe('names', () => {
  it.each([
    ['田中　太郎', '太', true],
    ['田中　太郎', '田中太', true],
    ['田中　太郎', '太郎 田中', true],
    ['王小明', '小明', true],
    ['王小明', '花子', false],
    ['천재', '천재', true],
    ['Phạm Đức', 'pham', true],
    ['Phạm Đức', 'phạm', true],
    ['Jérémie F', 'jer', true],
    ['Karl M. Davis', 'Karl D', true],
    ['O’Brien', 'obrien', true],
    ["O'Brien", 'obrien', true],
    ['Jean-Luc', 'lu', true],
    ['li.wei', 'we', true],
    ['li.wei', 'ei', false],
    ['ﾃｽﾄ', 'テスト', true],
    ['Anna', '  ', true],
  ])('%s and "%s": %s', (name, query, fits) => expect(nameFits(name, query)).toBe(fits));
});
