// SPDX-License-Identifier: Apache-2.0
import { create } from '@bufbuild/protobuf';
import { MessageSchema } from '../../src/gen/parley/message/v1/message_pb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryStorage } from '../../src/lib/storage/memory';
import { live, settle, socket, texts, unread, world, type World } from './fixture';

let w: World;
beforeEach(() => {
  vi.useFakeTimers();
  w = world();
});
afterEach(() => vi.useRealTimers());

const say = (text: string, push = true) => w.server.state.send(w.bob, w.conversation.id, text, undefined, push);
const message = (seq: number) => w.conversation.messages[seq - 1]!;

describe('receiving', () => {
  it('shows pushed messages in order and counts them as unread', async () => {
    const copy = await live(w, w.alice);
    say('one');
    say('two');
    await settle();
    expect(texts(copy, w.conversation.id)).toEqual(['one', 'two']);
    expect(unread(copy, w.conversation.id)).toBe(2);
    expect(copy.arrived).toEqual(['one', 'two']);
  });

  it('ignores a duplicate push', async () => {
    const copy = await live(w, w.alice);
    say('one');
    w.server.state.push(message(1));
    await settle();
    expect(texts(copy, w.conversation.id)).toEqual(['one']);
    expect(unread(copy, w.conversation.id)).toBe(1);
    expect(copy.arrived).toEqual(['one']);
  });

  it('puts reordered pushes in order without a pull', async () => {
    const copy = await live(w, w.alice);
    const pulls = w.server.calls.get('ListMessages') ?? 0;
    say('one', false);
    say('two', false);
    w.server.state.push(message(2));
    await settle();
    expect(texts(copy, w.conversation.id)).toEqual([]);
    w.server.state.push(message(1));
    await settle();
    expect(texts(copy, w.conversation.id)).toEqual(['one', 'two']);
    expect(w.server.calls.get('ListMessages') ?? 0).toBe(pulls);
  });

  it('closes a hole by a pull after 500 ms', async () => {
    const copy = await live(w, w.alice);
    say('lost', false);
    say('two');
    await vi.advanceTimersByTimeAsync(490);
    expect(texts(copy, w.conversation.id)).toEqual([]);
    await vi.advanceTimersByTimeAsync(20);
    expect(texts(copy, w.conversation.id)).toEqual(['lost', 'two']);
    expect(unread(copy, w.conversation.id)).toBe(2);
  });

  it('finds a lost last push by the next pong', async () => {
    const copy = await live(w, w.alice);
    say('lost', false);
    copy.chat.session.wake();
    await vi.advanceTimersByTimeAsync(1_900);
    expect(texts(copy, w.conversation.id)).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(texts(copy, w.conversation.id)).toEqual(['lost']);
    expect(unread(copy, w.conversation.id)).toBe(1);
  });

  it('passes over frames and content that it does not know', async () => {
    const copy = await live(w, w.alice);
    say('one');
    await settle();
    const { id } = w.conversation;
    w.server.state.deliver(w.alice, {});
    const strange = create(MessageSchema, { ...message(1), seq: 2n, messageId: 'm2', clientMessageId: '', content: { case: undefined } });
    w.server.state.deliver(w.alice, { kind: { case: 'messages', value: { conversationId: id, items: [strange] } } });
    await settle();
    expect(texts(copy, id)).toEqual(['one', '?']);
    expect(copy.phases.at(-1)).toBe('LIVE');
  });

  it('learns of a conversation that it never saw', async () => {
    const copy = await live(w, w.alice);
    const carol = w.server.state.addUser('carol', 'Carol').userId;
    const fresh = w.server.state.befriend(w.alice, carol);
    w.server.state.send(carol, fresh.id, 'hello');
    await vi.advanceTimersByTimeAsync(600);
    expect(texts(copy, fresh.id)).toEqual(['hello']);
    expect(copy.chat.replica.timelines.get(fresh.id)?.record.memberIds).toContain(carol);
  });

  it('becomes read-only when the friendship ends, and open again with its history', async () => {
    const copy = await live(w, w.alice);
    say('before');
    w.server.state.unfriend(w.alice, w.bob);
    await settle();
    expect(copy.chat.replica.timelines.get(w.conversation.id)?.record.readOnly).toBe(true);
    w.server.state.befriend(w.alice, w.bob);
    await settle();
    expect(copy.chat.replica.timelines.get(w.conversation.id)?.record.readOnly).toBe(false);
    expect(texts(copy, w.conversation.id)).toEqual(['before']);
  });
});

describe('resume', () => {
  it('pulls what was said in a break', async () => {
    const copy = await live(w, w.alice);
    say('one');
    await settle();
    w.server.close(1006);
    say('two');
    say('three');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(texts(copy, w.conversation.id)).toEqual(['one', 'two', 'three']);
    expect(unread(copy, w.conversation.id)).toBe(3);
  });

  it('records a hole when it is far behind, and fills it when asked', async () => {
    const storage = new MemoryStorage();
    const first = await live(w, w.alice, storage);
    say('first');
    await settle();
    await first.chat.stop();
    for (let i = 2; i <= 302; i++) say(`m${i}`, false);
    const copy = await live(w, w.alice, storage);
    const shown = texts(copy, w.conversation.id);
    expect(shown.slice(0, 3)).toEqual(['first', '…', 'm253']);
    expect(shown.at(-1)).toBe('m302');
    expect(unread(copy, w.conversation.id)).toBe(302);
    await copy.chat.replica.older(w.conversation.id, 253);
    expect(texts(copy, w.conversation.id).slice(1, 3)).toEqual(['…', 'm203']);
  });

  it('pulls page by page when 150 messages are missing', async () => {
    const copy = await live(w, w.alice);
    w.server.close(1006);
    for (let i = 1; i <= 150; i++) say(`m${i}`);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(texts(copy, w.conversation.id)).toHaveLength(150);
  });

  it('goes on with sync when the heads are not complete', async () => {
    const copy = await live(w, w.alice);
    const others = ['carol', 'dave', 'erin'].map((name) => w.server.state.addUser(name, name).userId);
    w.server.close(1006);
    const rooms = others.map((id) => w.server.state.befriend(w.alice, id));
    rooms.forEach((room, i) => w.server.state.send(others[i]!, room.id, 'hi'));
    w.server.resumeAnswer = { limit: 1 };
    await vi.advanceTimersByTimeAsync(1_000);
    expect(rooms.map((room) => texts(copy, room.id))).toEqual([['hi'], ['hi'], ['hi']]);
    expect(w.server.calls.get('Sync')).toBeGreaterThan(1);
  });

  it('loads everything again after a reset and keeps the outbox', async () => {
    const copy = await live(w, w.alice);
    w.server.close(1006);
    say('missed');
    await copy.chat.send(w.conversation.id, 'mine');
    w.server.resumeAnswer = { reset: true };
    await vi.advanceTimersByTimeAsync(1_000);
    expect(texts(copy, w.conversation.id)).toEqual(['missed', 'mine']);
    expect(copy.chat.session.phase).toBe('LIVE');
  });

  it('goes on after a reload with what the device stored', async () => {
    const storage = new MemoryStorage();
    const first = await live(w, w.alice, storage);
    say('one');
    say('two');
    await settle();
    await first.chat.stop();
    const lists = w.server.calls.get('ListConversations');
    const copy = await live(w, w.alice, storage);
    expect(texts(copy, w.conversation.id)).toEqual(['one', 'two']);
    expect(w.server.calls.get('ListConversations')).toBe(lists);
  });

  it('shows what is stored while the server is down', async () => {
    const storage = new MemoryStorage();
    const first = await live(w, w.alice, storage);
    say('one');
    await settle();
    await first.chat.stop();
    w.server.down = true;
    const copy = await live(w, w.alice, storage);
    expect(texts(copy, w.conversation.id)).toEqual(['one']);
    expect(copy.chat.session.phase).toBe('WAITING');
  });

  it('records a hole when a pull fails, and does not acknowledge past one it does not know', async () => {
    const copy = await live(w, w.alice);
    say('one');
    await vi.advanceTimersByTimeAsync(5_100);
    const acks = socket(w, w.alice).received.flatMap((frame) => (frame.kind.case === 'ack' ? frame.kind.value.positions : []));
    expect(acks.at(-1)?.seq).toBe(1n);
    say('two', false);
    say('three');
    await vi.advanceTimersByTimeAsync(100);
    expect(copy.chat.replica.timelines.get(w.conversation.id)?.record.localSeq).toBe(1);
  });
});

describe('read markers', () => {
  it('tells after 500 ms on screen, and at most once a second', async () => {
    const copy = await live(w, w.alice);
    for (let i = 1; i <= 4; i++) say(`m${i}`);
    await settle();
    const reads = () => socket(w, w.alice).received.flatMap((frame) => (frame.kind.case === 'read' ? [Number(frame.kind.value.seq)] : []));
    copy.chat.markers.look(w.conversation.id, 1);
    await vi.advanceTimersByTimeAsync(490);
    expect(reads()).toEqual([]);
    await vi.advanceTimersByTimeAsync(20);
    expect(reads()).toEqual([1]);
    copy.chat.markers.read(w.conversation.id, 2);
    copy.chat.markers.read(w.conversation.id, 3);
    await vi.advanceTimersByTimeAsync(100);
    expect(reads()).toEqual([1]);
    await vi.advanceTimersByTimeAsync(900);
    expect(reads()).toEqual([1, 3]);
    expect(unread(copy, w.conversation.id)).toBe(1);
  });

  it('tells later what was read while the connection was away', async () => {
    const copy = await live(w, w.alice);
    say('one');
    await settle();
    w.server.down = true;
    w.server.close(1006);
    copy.chat.markers.read(w.conversation.id, 1);
    expect(unread(copy, w.conversation.id)).toBe(0);
    w.server.down = false;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(w.conversation.read.get(w.alice)).toBe(1);
  });

  it('follows a marker that another device moved', async () => {
    const copy = await live(w, w.alice);
    say('one');
    say('two');
    await settle();
    w.server.state.read(w.alice, w.conversation.id, 1);
    await settle();
    expect(unread(copy, w.conversation.id)).toBe(1);
  });

  it('moves with the own message', async () => {
    const copy = await live(w, w.alice);
    say('one');
    await copy.chat.send(w.conversation.id, 'two');
    await settle();
    expect(unread(copy, w.conversation.id)).toBe(0);
    expect(copy.chat.replica.timelines.get(w.conversation.id)?.record.head.readSeq).toBe(2);
  });

  it('shows how far the peer has read', async () => {
    const copy = await live(w, w.alice);
    await copy.chat.send(w.conversation.id, 'seen?');
    await settle();
    w.server.state.read(w.bob, w.conversation.id, 1);
    await settle();
    expect(copy.chat.replica.timelines.get(w.conversation.id)?.record.markers[w.bob]).toBe(1);
  });
});
