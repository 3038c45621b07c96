// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Retry } from '../../src/gen/parley/gateway/v1/frame_pb';
import { MemoryStorage } from '../../src/lib/storage/memory';
import { live, settle, socket, texts, world, type World } from './fixture';

let w: World;
beforeEach(() => {
  vi.useFakeTimers();
  w = world();
});
afterEach(() => vi.useRealTimers());

const sends = () =>
  [...w.server.sockets].flatMap((one) => one.received).flatMap((frame) => (frame.kind.case === 'send' ? [frame.kind.value] : []));
const history = () => w.conversation.messages.map((one) => (one.content.case === 'text' ? one.content.value.body : ''));

describe('sending', () => {
  it('stores before the first try and forgets after the answer', async () => {
    const copy = await live(w, w.alice);
    const put = vi.spyOn(copy.storage, 'putOutbox');
    await copy.chat.send(w.conversation.id, 'hello');
    expect(put.mock.invocationCallOrder[0]).toBeDefined();
    await settle();
    expect(texts(copy, w.conversation.id)).toEqual(['hello']);
    expect(await copy.storage.loadOutbox()).toEqual([]);
    expect(copy.chat.unsent(w.conversation.id)).toEqual([]);
  });

  it('keeps one unanswered send per conversation, in order of writing', async () => {
    const copy = await live(w, w.alice);
    w.server.muteSends = true;
    for (const text of ['one', 'two', 'three']) void copy.chat.send(w.conversation.id, text);
    await settle();
    expect(sends()).toHaveLength(1);
    w.server.muteSends = false;
    w.server.close(1006);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(history()).toEqual(['one', 'two', 'three']);
    expect(texts(copy, w.conversation.id)).toEqual(['one', 'two', 'three']);
  });

  it('sends the very same frame again when the answer was lost', async () => {
    const copy = await live(w, w.alice);
    w.server.muteSends = true;
    w.server.state.deliver = () => undefined;
    void copy.chat.send(w.conversation.id, 'once');
    await settle();
    const first = sends()[0]!;
    w.server.muteSends = false;
    w.server.close(1006);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sends()[0]).toEqual(first);
    expect(history()).toEqual(['once']);
    expect(texts(copy, w.conversation.id)).toEqual(['once']);
  });

  it('sends again on the same connection when no answer comes in ten seconds', async () => {
    const copy = await live(w, w.alice);
    w.server.muteSends = true;
    w.server.state.deliver = () => undefined;
    void copy.chat.send(w.conversation.id, 'once');
    await vi.advanceTimersByTimeAsync(10_010);
    w.server.muteSends = false;
    await vi.advanceTimersByTimeAsync(1_100);
    expect(texts(copy, w.conversation.id)).toEqual(['once']);
    expect(history()).toEqual(['once']);
  });

  it('survives 100 cuts between request and answer without doubles or losses', async () => {
    const copy = await live(w, w.alice);
    for (let i = 0; i < 100; i++) {
      w.server.muteSends = i % 2 === 0;
      void copy.chat.send(w.conversation.id, `m${i}`);
      await settle();
      w.server.close(1006);
      w.server.muteSends = false;
      await vi.advanceTimersByTimeAsync(35_000);
    }
    expect(history()).toEqual(Array.from({ length: 100 }, (_, i) => `m${i}`));
    expect(texts(copy, w.conversation.id)).toHaveLength(100);
  });

  it('writes offline and sends in order when it is back', async () => {
    const copy = await live(w, w.alice);
    w.server.down = true;
    w.server.close(1006);
    await copy.chat.send(w.conversation.id, 'one');
    await copy.chat.send(w.conversation.id, 'two');
    expect(copy.chat.unsent(w.conversation.id).map((one) => one.text)).toEqual(['one', 'two']);
    w.server.down = false;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(history()).toEqual(['one', 'two']);
  });

  it('goes on after a reload with what was not answered', async () => {
    const storage = new MemoryStorage();
    const first = await live(w, w.alice, storage);
    w.server.muteSends = true;
    w.server.state.deliver = () => undefined;
    void first.chat.send(w.conversation.id, 'before the reload');
    await settle();
    await first.chat.stop();
    w.server.muteSends = false;
    const copy = await live(w, w.alice, storage);
    expect(texts(copy, w.conversation.id)).toEqual(['before the reload']);
    expect(history()).toEqual(['before the reload']);
    expect(copy.chat.outbox.size).toBe(0);
  });

  it('has at most 32 unanswered sends; the 33rd waits', async () => {
    const copy = await live(w, w.alice);
    w.server.muteSends = true;
    w.server.state.deliver = () => undefined;
    for (let i = 0; i < 33; i++) {
      const peer = w.server.state.addUser(`peer${i}`, `Peer ${i}`).userId;
      void copy.chat.send(w.server.state.befriend(w.alice, peer).id, 'hi');
    }
    await settle();
    expect(sends()).toHaveLength(32);
  });
});

describe('refusals', () => {
  it('shows a final refusal, goes on with the next, and retries as the same message', async () => {
    const copy = await live(w, w.alice);
    w.server.refuseSend = (body) => (body === 'bad' ? { reason: 'CONTENT_INVALID', retry: Retry.NEVER } : undefined);
    await copy.chat.send(w.conversation.id, 'bad');
    await copy.chat.send(w.conversation.id, 'good');
    await settle();
    const [refused] = copy.chat.unsent(w.conversation.id);
    expect(refused).toMatchObject({ text: 'bad', state: 'refused', reason: 'CONTENT_INVALID' });
    expect(history()).toEqual(['good']);
    w.server.refuseSend = undefined;
    await copy.chat.outbox.retry(refused!.clientMessageId);
    await settle();
    expect(history()).toEqual(['good', 'bad']);
    expect(w.conversation.messages.at(-1)?.clientMessageId).toBe(refused!.clientMessageId);
  });

  it('waits as long as it is told, then goes on in order', async () => {
    const copy = await live(w, w.alice);
    w.server.refuseSend = () => ({ reason: 'RATE_LIMITED', retry: Retry.AFTER, retryAfterMs: 3_000 });
    await copy.chat.send(w.conversation.id, 'one');
    await copy.chat.send(w.conversation.id, 'two');
    await settle();
    w.server.refuseSend = undefined;
    await vi.advanceTimersByTimeAsync(2_900);
    expect(history()).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(history()).toEqual(['one', 'two']);
  });

  it('backs off and repeats when the outcome is unknown', async () => {
    const copy = await live(w, w.alice);
    w.server.refuseSend = () => ({ reason: 'UNAVAILABLE', retry: Retry.SAME_ID });
    await copy.chat.send(w.conversation.id, 'one');
    await vi.advanceTimersByTimeAsync(3_500);
    expect(sends()).toHaveLength(3);
    w.server.refuseSend = undefined;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(history()).toEqual(['one']);
  });

  it('asks about an entry that is older than a day instead of sending it', async () => {
    const storage = new MemoryStorage();
    const clientMessageId = '0199aaaa-0000-7000-8000-000000000001';
    const entry = { clientMessageId, conversationId: w.conversation.id, text: 'old', instanceId: 'gone', state: 'waiting' as const };
    await storage.putOutbox({ ...entry, createdAt: Date.now() - 25 * 3_600_000 });
    const copy = await live(w, w.alice, storage);
    expect(history()).toEqual([]);
    expect(copy.chat.unsent(w.conversation.id)[0]?.state).toBe('stale');
    expect(await copy.chat.outbox.discard(clientMessageId)).toBe('old');
    expect(await storage.loadOutbox()).toEqual([]);
  });

  it('tells in a read-only conversation why nothing is sent', async () => {
    const copy = await live(w, w.alice);
    w.server.state.unfriend(w.alice, w.bob);
    await copy.chat.send(w.conversation.id, 'anybody there?');
    await settle();
    expect(copy.chat.unsent(w.conversation.id)[0]?.reason).toBe('CONVERSATION_READ_ONLY');
    expect(socket(w, w.alice).kinds).toContain('send');
  });
});

describe('typing', () => {
  it('tells on the first key, every four seconds, and after five seconds of rest', async () => {
    const alice = await live(w, w.alice);
    const bob = await live(w, w.bob);
    const typed = () => socket(w, w.alice).received.flatMap((frame) => (frame.kind.case === 'typing' ? [frame.kind.value.state] : []));
    for (let i = 0; i < 6; i++) {
      alice.chat.typingOut.key(w.conversation.id);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(typed()).toEqual([1, 1]);
    expect(bob.chat.typingIn.in(w.conversation.id)).toEqual([w.alice]);
    await vi.advanceTimersByTimeAsync(4_100);
    expect(typed()).toEqual([1, 1, 2]);
    expect(bob.chat.typingIn.in(w.conversation.id)).toEqual([]);
  });

  it('is gone six seconds after the last news, and at once with the message', async () => {
    const bob = await live(w, w.bob);
    const deliver = () =>
      w.server.state.deliver(w.bob, { kind: { case: 'typing', value: { conversationId: w.conversation.id, userId: w.alice, state: 1 } } });
    deliver();
    await vi.advanceTimersByTimeAsync(5_900);
    expect(bob.chat.typingIn.in(w.conversation.id)).toEqual([w.alice]);
    await vi.advanceTimersByTimeAsync(200);
    expect(bob.chat.typingIn.in(w.conversation.id)).toEqual([]);
    deliver();
    await settle();
    w.server.state.send(w.alice, w.conversation.id, 'here it is');
    await settle();
    expect(bob.chat.typingIn.in(w.conversation.id)).toEqual([]);
  });
});
