// SPDX-License-Identifier: Apache-2.0
// What every client must do, as far as no other file shows it; test/features/conformance.yaml lists all of it.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CloseCodeSchema, ResyncReason } from '../../src/gen/parley/gateway/v1/frame_pb';
import { MemoryStorage } from '../../src/lib/storage/memory';
import { copyOf, live, settle, socket, texts, unread, world, type Copy, type World } from './fixture';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let w: World;
beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  w = world();
});
afterEach(() => vi.useRealTimers());

const say = (text: string, push = true) => w.server.state.send(w.bob, w.conversation.id, text, undefined, push);
const many = (from: number, to: number, push = true) => {
  for (let i = from; i <= to; i++) say(`m${i}`, push);
};
const history = () => w.conversation.messages.map((one) => (one.content.case === 'text' ? one.content.value.body : ''));
const frames = (kind: string) => [...w.server.sockets].flatMap((one) => one.received).filter((frame) => frame.kind.case === kind);
const shown = (copy: Copy) => texts(copy, w.conversation.id);
const states = (copy: Copy) => copy.chat.unsent(w.conversation.id).map((one) => one.state);

describe('receiving', () => {
  it('puts pushes in order that come over two sockets during a move', async () => {
    const copy = await live(w, w.alice);
    const first = socket(w, w.alice);
    first.deliver({ kind: { case: 'reconnect', value: { afterMs: 1_000n, deadlineMs: 60_000n } } });
    await settle();
    w.server.silent = true;
    await vi.advanceTimersByTimeAsync(1_100);
    const second = [...w.server.sockets].find((one) => one !== first)!;
    expect(copy.chat.session.phase).toBe('MOVING');
    many(1, 4, false);
    const push = (to: typeof first, ...seqs: number[]) => {
      to.silent = false;
      const items = seqs.map((seq) => w.conversation.messages[seq - 1]!);
      to.deliver({ kind: { case: 'messages', value: { conversationId: w.conversation.id, items } } });
    };
    push(second, 2);
    push(first, 1, 2);
    push(first, 4);
    push(second, 3, 4);
    await settle();
    expect(shown(copy)).toEqual(['m1', 'm2', 'm3', 'm4']);
    expect(copy.arrived).toEqual(['m1', 'm2', 'm3', 'm4']);
  });

  it('passes a gap that the server declares, and pulls it never again', async () => {
    const copy = await live(w, w.alice);
    w.server.gaps.set(w.conversation.id, { from: 2, to: 4 });
    many(1, 6, false);
    many(7, 7);
    await vi.advanceTimersByTimeAsync(600);
    expect(shown(copy)).toEqual(['m1', 'm5', 'm6', 'm7']);
    expect(copy.chat.replica.timelines.get(w.conversation.id)?.record).toMatchObject({ localSeq: 7, gaps: [{ from: 2, to: 4 }], holes: [] });
    const pulls = w.server.calls.get('ListMessages');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(w.server.calls.get('ListMessages')).toBe(pulls);
  });

  it.each([
    [200, 201],
    [201, 51],
  ])('%i messages behind: shows %i after a break', async (count, want) => {
    const copy = await live(w, w.alice);
    say('first');
    await settle();
    w.server.close(1006);
    many(1, count, false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(shown(copy).filter((text) => text !== '…')).toHaveLength(want);
    expect(copy.chat.replica.timelines.get(w.conversation.id)?.record.holes).toEqual(want > count ? [] : [{ from: 2, to: 152 }]);
    expect(unread(copy, w.conversation.id)).toBe(count + 1);
  });

  it('takes a resync while other messages go on', async () => {
    const copy = await live(w, w.alice);
    many(1, 3);
    many(4, 7, false);
    const value = { conversationId: w.conversation.id, fromSeq: 4n, reason: ResyncReason.OVERFLOW };
    socket(w, w.alice).deliver({ kind: { case: 'resync', value } });
    many(8, 10);
    await settle();
    const all = Array.from({ length: 10 }, (_, i) => `m${i + 1}`);
    expect(shown(copy)).toEqual(all);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(shown(copy)).toEqual(all);
    expect(w.server.opened).toBe(1);
  });

  it('goes on after bytes that are no frame in the middle of a stream, in every conversation', async () => {
    const copy = await live(w, w.alice);
    const carol = w.server.state.addUser('carol', 'Carol').userId;
    const other = w.server.state.befriend(w.alice, carol);
    await settle();
    const before = frames('ping').length;
    say('one');
    socket(w, w.alice).bytes(new Uint8Array([0x0a, 0xff]));
    say('two');
    w.server.state.send(carol, other.id, 'hi');
    await settle();
    expect(shown(copy)).toEqual(['one', 'two']);
    expect(texts(copy, other.id)).toEqual(['hi']);
    expect(frames('ping')).toHaveLength(before + 1);
  });
});

describe('closes', () => {
  const named = CloseCodeSchema.values.filter((value) => value.number !== 0).map((value) => value.number);
  const codes = [...new Set([...named, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1015, 4050, 4199, 4250, 4350, 4499, 4712])];
  const ended: Record<number, string> = { 43: 'SIGNED_OUT', 44: 'STOPPED' };
  const stops = new Set([1002, 1003, 1007, 1008, 1009, 1010]);

  it.each(codes)('%i: what is unanswered is kept, and sent where the rule lets it', async (code) => {
    const copy = await live(w, w.alice);
    say('one');
    await vi.advanceTimersByTimeAsync(26_000); // a pong brings a cursor that stands for it
    socket(w, w.alice).silent = true;
    void copy.chat.send(w.conversation.id, 'unanswered');
    await settle();
    w.server.close(code, 'NAME');
    await vi.advanceTimersByTimeAsync(60_000);
    const phase = stops.has(code) ? 'STOPPED' : (ended[Math.floor(code / 100)] ?? 'LIVE');
    expect(copy.chat.session.phase).toBe(phase);
    if (phase !== 'LIVE') {
      expect(w.server.opened).toBe(1);
      expect(copy.ended[0]).toMatchObject({ name: 'NAME', wipe: code === 4304 });
      expect((await copy.storage.loadOutbox()).map((one) => one.text)).toEqual(['unanswered']);
      return;
    }
    expect(w.server.opened).toBe(2);
    expect(history()).toEqual(['one', 'unanswered']);
    const resume = socket(w, w.alice).received[1]!.kind;
    const cursor = resume.case === 'resume' ? resume.value.cursor : 'none';
    expect(cursor === '').toBe(code >= 4100 && code < 4200);
  });
});

describe('planned moves', () => {
  const order = { afterMs: 4_000n, jitterMs: 0n, deadlineMs: 60_000n, reason: 'ROLLOUT' };

  it('that reach the deadline: sends go on until then, and all is there afterwards', async () => {
    const copy = await live(w, w.alice);
    const first = socket(w, w.alice);
    first.deliver({ kind: { case: 'reconnect', value: order } });
    await settle();
    w.server.down = true;
    await vi.advanceTimersByTimeAsync(59_000);
    expect(w.server.opened).toBeGreaterThan(3);
    await copy.chat.send(w.conversation.id, 'on the first socket');
    await settle();
    expect(history()).toEqual(['on the first socket']);
    first.end(4000, 'MOVED');
    await settle();
    expect(copy.chat.session.phase).toBe('WAITING');
    say('while away');
    w.server.down = false;
    await vi.advanceTimersByTimeAsync(31_000);
    expect(copy.chat.session.phase).toBe('LIVE');
    expect(shown(copy)).toEqual(['on the first socket', 'while away']);
  });

  it.each([4000, 4409])('whose second socket did not come to be are no reason to stop at %i', async (code) => {
    const copy = await live(w, w.alice);
    const first = socket(w, w.alice);
    w.server.refuseAuth = [4200, 'OVERLOADED;after=60000;jitter=0'];
    first.deliver({ kind: { case: 'reconnect', value: { ...order, afterMs: 0n } } });
    await settle();
    w.server.refuseAuth = undefined;
    expect(w.server.opened).toBe(2);
    first.end(code, 'NAME');
    await vi.advanceTimersByTimeAsync(61_000);
    expect(copy.chat.session.phase).toBe('LIVE');
    expect(copy.ended).toEqual([]);
  });
});

describe('two tabs', () => {
  it('one closed: the other goes on, and sends what the first left', async () => {
    const storage = new MemoryStorage();
    const token = w.server.state.login(w.alice).token;
    const [one, two] = [copyOf(w, w.alice, storage, token), copyOf(w, w.alice, storage, token)];
    for (const copy of [one, two]) await copy.chat.start();
    await settle();
    const instances = frames('auth').map((frame) => (frame.kind.case === 'auth' ? frame.kind.value.device?.instanceId : ''));
    expect(new Set(instances).size).toBe(2);
    w.server.refuseSend = () => ({ reason: 'UNAVAILABLE', retry: 3 });
    await one.chat.send(w.conversation.id, 'written in the first tab');
    await settle();
    await one.chat.stop();
    w.server.refuseSend = undefined;
    say('after that');
    await settle();
    expect(two.chat.session.phase).toBe('LIVE');
    expect(shown(two)).toEqual(['after that']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(history()).toEqual(['after that', 'written in the first tab']);
    expect(w.server.opened).toBe(2);
  });
});

describe('sending', () => {
  it('the same id with another payload is refused for good, and the next message goes on', async () => {
    const storage = new MemoryStorage();
    const copy = await live(w, w.alice, storage);
    await copy.chat.send(w.conversation.id, 'first');
    await settle();
    const { clientMessageId } = w.conversation.messages[0]!;
    const entry = { conversationId: w.conversation.id, instanceId: 'gone', state: 'waiting' as const, createdAt: Date.now() };
    await storage.putOutbox({ ...entry, clientMessageId, text: 'another' });
    await copy.chat.outbox.load();
    await copy.chat.send(w.conversation.id, 'next');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(history()).toEqual(['first', 'next']);
    expect(copy.chat.unsent(w.conversation.id)).toMatchObject([{ text: 'another', state: 'refused', reason: 'CLIENT_MESSAGE_ID_REUSED' }]);
  });

  it.each([
    ['ahead', DAY],
    ['behind', -DAY],
  ])('with a clock one day %s: messages leave, arrive and are asked about as ever', async (_, off) => {
    w.server.clock = () => Date.now() - off;
    const copy = await live(w, w.alice);
    w.server.state.send(w.bob, w.conversation.id, 'theirs', undefined, true, Date.now() - off);
    await copy.chat.send(w.conversation.id, 'mine');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(shown(copy)).toEqual(['theirs', 'mine']);
    expect(states(copy)).toEqual([]);
    expect(Math.abs(copy.chat.now() - w.server.clock())).toBeLessThan(1_000);
    expect(copy.chat.session.phase).toBe('LIVE');
  });

  it('the 33rd of 33 conversations leaves when one of the 32 is answered', async () => {
    const copy = await live(w, w.alice);
    w.server.muteSends = true;
    w.server.state.deliver = () => undefined;
    for (let i = 0; i < 33; i++) {
      const peer = w.server.state.addUser(`peer${i}`, `Peer ${i}`).userId;
      void copy.chat.send(w.server.state.befriend(w.alice, peer).id, 'hi');
    }
    await settle();
    expect(frames('send')).toHaveLength(32);
    const { id, kind } = frames('send')[0]!;
    if (kind.case !== 'send') throw new Error('no send');
    const { conversationId, clientMessageId } = kind.value;
    socket(w, w.alice).deliver({ re: id, kind: { case: 'sent', value: { conversationId, clientMessageId, messageId: 'm', seq: 1n } } });
    await settle();
    expect(frames('send')).toHaveLength(33);
  });

  it('asks about what grew older than a day while the page was open', async () => {
    const copy = await live(w, w.alice);
    w.server.down = true;
    w.server.close(1006);
    await copy.chat.send(w.conversation.id, 'old');
    await vi.advanceTimersByTimeAsync(DAY - 60_000);
    await copy.chat.send(w.conversation.id, 'young');
    await vi.advanceTimersByTimeAsync(120_000);
    w.server.down = false;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(history()).toEqual(['young']);
    expect(states(copy)).toEqual(['stale']);
    expect((await copy.storage.loadOutbox()).map((one) => one.state)).toEqual(['stale']);
    await copy.chat.outbox.retry(copy.chat.unsent(w.conversation.id)[0]!.clientMessageId);
    await settle();
    expect(history()).toEqual(['young', 'old']);
  });

  it('what was unanswered when the session was revoked leaves after the next login, once', async () => {
    const storage = new MemoryStorage();
    const copy = await live(w, w.alice, storage);
    w.server.muteSends = true;
    w.server.state.deliver = () => undefined;
    void copy.chat.send(w.conversation.id, 'still mine');
    await settle();
    w.server.state.tokens.delete(copy.token);
    w.server.close(4301, 'SESSION_REVOKED');
    await settle();
    expect(copy.chat.session.phase).toBe('SIGNED_OUT');
    await copy.chat.stop();
    w.server.muteSends = false;
    const again = await live(w, w.alice, storage);
    expect(history()).toEqual(['still mine']);
    expect(states(again)).toEqual([]);
  });
});

describe('the token', () => {
  it('is swapped on the open connection', async () => {
    const copy = await live(w, w.alice);
    const newer = w.server.state.login(w.alice).token;
    copy.chat.session.setToken(newer);
    await settle();
    expect(frames('auth').map((frame) => frame.kind.case === 'auth' && frame.kind.value.token)).toEqual([copy.token, newer]);
    say('after the swap');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(shown(copy)).toEqual(['after the swap']);
    expect(copy.chat.session.phase).toBe('LIVE');
    expect(w.server.opened).toBe(1);
    w.server.close(4000, 'MOVED');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(frames('auth').map((frame) => frame.kind.case === 'auth' && frame.kind.value.token)).toEqual([newer]);
  });

  it('that is refused live leads to the sign-in screen', async () => {
    const copy = await live(w, w.alice);
    copy.chat.session.setToken('nobody has this');
    await settle();
    expect(copy.chat.session.phase).toBe('SIGNED_OUT');
    expect(copy.ended[0]).toMatchObject({ action: 'login', name: 'AUTH_FAILED' });
  });
});

describe('the cursor', () => {
  const cursorOf = (copy: Copy) => copy.storage.getValue<string>('cursor');

  it('is kept only after what it announced is here, also when a conversation cannot be asked for', async () => {
    const copy = await live(w, w.alice);
    w.server.close(1006);
    const carol = w.server.state.addUser('carol', 'Carol').userId;
    const fresh = w.server.state.befriend(w.alice, carol);
    w.server.state.send(carol, fresh.id, 'hi');
    const before = await cursorOf(copy);
    w.server.failing.add('GetConversation');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(texts(copy, fresh.id)).toEqual([]);
    expect(await cursorOf(copy)).toBe(before);
    w.server.failing.clear();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(texts(copy, fresh.id)).toEqual(['hi']);
    expect(await cursorOf(copy)).not.toBe(before);
  });

  it('waits for the page of heads that fails', async () => {
    const copy = await live(w, w.alice);
    w.server.close(1006);
    const others = ['carol', 'dave', 'erin'].map((name) => w.server.state.addUser(name, name).userId);
    const rooms = others.map((id) => w.server.state.befriend(w.alice, id));
    rooms.forEach((room, i) => w.server.state.send(others[i]!, room.id, 'hi'));
    w.server.resumeAnswer = { limit: 1 };
    w.server.failing.add('Sync');
    await vi.advanceTimersByTimeAsync(1_000);
    w.server.failing.clear();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(rooms.map((room) => texts(copy, room.id))).toEqual([['hi'], ['hi'], ['hi']]);
  });
});

describe('time that passes unseen', () => {
  it('a tab hidden for an hour pings once a minute, and shows at once what was lost', async () => {
    const copy = await live(w, w.alice);
    copy.environment.hidden = true;
    await vi.advanceTimersByTimeAsync(30_000);
    const before = frames('ping').length;
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(frames('ping').length - before).toBeGreaterThanOrEqual(59);
    expect(frames('ping').length - before).toBeLessThanOrEqual(61);
    many(1, 2, false);
    copy.environment.hidden = false;
    copy.chat.session.wake();
    await vi.advanceTimersByTimeAsync(2_100);
    expect(shown(copy)).toEqual(['m1', 'm2']);
    expect(w.server.opened).toBe(1);
  });

  it('a laptop suspended for a day is LIVE with all messages, and asks about what it had not sent', async () => {
    const copy = await live(w, w.alice);
    say('yesterday');
    await vi.advanceTimersByTimeAsync(26_000);
    const dead = socket(w, w.alice);
    dead.silent = true;
    void copy.chat.send(w.conversation.id, 'never left');
    await settle();
    vi.setSystemTime(Date.now() + DAY); // timers stood still, and nobody has told that the socket is dead
    many(1, 300);
    copy.chat.session.wake();
    await vi.advanceTimersByTimeAsync(15_000);
    expect(copy.chat.session.phase).toBe('LIVE');
    expect(shown(copy)).toEqual(['yesterday', '…', ...Array.from({ length: 50 }, (_, i) => `m${i + 251}`)]);
    expect(states(copy)).toEqual(['stale']);
    expect(w.server.opened).toBe(2);
  });
});
