// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ResyncReason } from '../../src/gen/parley/gateway/v1/frame_pb';
import { copyOf, live, settle, socket, texts, world, type World } from './fixture';

let w: World;
beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  w = world();
});
afterEach(() => vi.useRealTimers());

describe('connecting', () => {
  it('goes through the states in order', async () => {
    const copy = await live(w, w.alice);
    expect(copy.phases).toEqual(['CONNECTING', 'AUTHENTICATING', 'RESUMING', 'SYNCING', 'LIVE']);
    expect(socket(w, w.alice).kinds.slice(0, 2)).toEqual(['auth', 'resume']);
  });

  it('needs no SYNCING when nothing moved', async () => {
    const copy = await live(w, w.alice);
    w.server.close(4000, 'MOVED');
    copy.phases.length = 0;
    await vi.advanceTimersByTimeAsync(600);
    expect(copy.phases).toEqual(['CONNECTING', 'AUTHENTICATING', 'RESUMING', 'LIVE']);
  });

  it('gives up a socket that makes no progress for ten seconds', async () => {
    const copy = copyOf(w, w.alice);
    w.server.silent = true;
    await copy.chat.start();
    await vi.advanceTimersByTimeAsync(9_900);
    expect(copy.chat.session.phase).toBe('AUTHENTICATING');
    await vi.advanceTimersByTimeAsync(150);
    expect(copy.chat.session.phase).toBe('WAITING');
    w.server.silent = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(copy.chat.session.phase).toBe('LIVE');
  });

  it('sends the epoch of its last connection', async () => {
    await live(w, w.alice);
    w.server.close(1006);
    await vi.advanceTimersByTimeAsync(1000);
    const auth = socket(w, w.alice).received[0]!.kind;
    expect(auth.case === 'auth' && auth.value.lastEpoch > 0n).toBe(true);
  });
});

describe('waiting', () => {
  it('doubles the wait up to thirty seconds, and starts anew after a minute of LIVE', async () => {
    const copy = await live(w, w.alice);
    copy.environment.random = 1;
    w.server.down = true;
    w.server.close(1006);
    const opened = w.server.opened;
    await vi.advanceTimersByTimeAsync(499);
    expect(w.server.opened).toBe(opened);
    await vi.advanceTimersByTimeAsync(200_000);
    expect(w.server.opened - opened).toBeLessThan(14);
    w.server.down = false;
    await vi.advanceTimersByTimeAsync(31_000);
    expect(copy.chat.session.phase).toBe('LIVE');
    await vi.advanceTimersByTimeAsync(61_000);
    w.server.close(1006);
    await vi.advanceTimersByTimeAsync(502);
    expect(copy.chat.session.phase).toBe('LIVE');
  });

  it('waits as long as the server asks, and its part of the jitter', async () => {
    const copy = await live(w, w.alice);
    w.server.close(4200, 'OVERLOADED;after=5000;jitter=10000');
    await vi.advanceTimersByTimeAsync(9_990);
    expect(copy.chat.session.phase).toBe('WAITING');
    await vi.advanceTimersByTimeAsync(20);
    expect(copy.chat.session.phase).toBe('LIVE');
  });

  it('tries at once when asked, but not twice within a second', async () => {
    const copy = await live(w, w.alice);
    await vi.advanceTimersByTimeAsync(5_000);
    w.server.down = true;
    w.server.close(4200, 'OVERLOADED;after=60000');
    copy.chat.session.retryNow();
    await vi.advanceTimersByTimeAsync(1);
    const opened = w.server.opened;
    copy.chat.session.retryNow();
    await vi.advanceTimersByTimeAsync(500);
    expect(w.server.opened).toBe(opened);
    w.server.down = false;
    copy.chat.session.retryNow();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(copy.chat.session.phase).toBe('LIVE');
  });

  it('asks for everything after the server lost its state', async () => {
    await live(w, w.alice);
    w.server.close(4101, 'STATE_LOST');
    await vi.advanceTimersByTimeAsync(1_000);
    const resume = socket(w, w.alice).received[1]!.kind;
    expect(resume.case === 'resume' && resume.value.cursor).toBe('');
  });
});

describe('ending', () => {
  it.each([
    [4301, 'SIGNED_OUT'],
    [4302, 'SIGNED_OUT'],
    [4306, 'SIGNED_OUT'],
    [4402, 'STOPPED'],
    [4404, 'STOPPED'],
    [4409, 'STOPPED'],
  ] as const)('%i leads to %s and no reconnect', async (code, phase) => {
    const copy = await live(w, w.alice);
    w.server.close(code, 'NAME');
    const opened = w.server.opened;
    await vi.advanceTimersByTimeAsync(120_000);
    expect(copy.chat.session.phase).toBe(phase);
    expect(copy.ended).toHaveLength(1);
    expect(w.server.opened).toBe(opened);
  });

  it('keeps the outbox when the session is revoked while sending', async () => {
    const copy = await live(w, w.alice);
    w.server.muteSends = true;
    w.server.state.deliver = () => undefined;
    void copy.chat.send(w.conversation.id, 'still mine');
    await settle();
    w.server.close(4301, 'SESSION_REVOKED');
    await settle();
    expect((await copy.storage.loadOutbox()).map((one) => one.text)).toEqual(['still mine']);
  });

  it('a token that is no longer valid asks for a login', async () => {
    const copy = copyOf(w, w.alice);
    w.server.state.tokens.delete(copy.token);
    await copy.chat.start();
    await settle();
    expect(copy.ended[0]?.action).toBe('login');
  });
});

describe('liveness', () => {
  it('pings every 25 s, every 60 s when hidden', async () => {
    const copy = await live(w, w.alice);
    const pings = () => socket(w, w.alice).kinds.filter((kind) => kind === 'ping').length;
    expect(pings(), 'at once: somebody is there').toBe(1);
    await vi.advanceTimersByTimeAsync(76_000);
    expect(pings()).toBe(4);
    copy.environment.hidden = true;
    await vi.advanceTimersByTimeAsync(25_000);
    const before = pings();
    await vi.advanceTimersByTimeAsync(180_000);
    expect(pings() - before).toBe(3);
  });

  it('leaves a connection without pong after ten seconds', async () => {
    const copy = await live(w, w.alice);
    socket(w, w.alice).silent = true;
    copy.chat.session.wake();
    await vi.advanceTimersByTimeAsync(9_990);
    expect(copy.chat.session.phase).toBe('LIVE');
    await vi.advanceTimersByTimeAsync(600);
    expect(copy.phases).toContain('WAITING');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(copy.chat.session.phase).toBe('LIVE');
  });

  it('is LIVE with all messages after a day of sleep', async () => {
    const copy = await live(w, w.alice);
    const asleep = socket(w, w.alice);
    asleep.silent = true;
    vi.setSystemTime(Date.now() + 24 * 3_600_000);
    w.server.state.send(w.bob, w.conversation.id, 'good morning');
    copy.chat.session.wake();
    await vi.advanceTimersByTimeAsync(12_000);
    expect(copy.chat.session.phase).toBe('LIVE');
    expect(texts(copy, w.conversation.id)).toEqual(['good morning']);
  });
});

describe('planned moves', () => {
  const order = { afterMs: 4_000n, jitterMs: 20_000n, deadlineMs: 60_000n, reason: 'ROLLOUT' };

  it('opens a second connection before it leaves the first', async () => {
    const copy = await live(w, w.alice);
    const first = socket(w, w.alice);
    copy.phases.length = 0;
    first.deliver({ kind: { case: 'reconnect', value: order } });
    await vi.advanceTimersByTimeAsync(13_990);
    expect(first.closedByClient).toBeUndefined();
    await vi.advanceTimersByTimeAsync(50);
    expect(first.closedByClient).toBe(1000);
    expect(copy.phases).toEqual(['MOVING', 'LIVE']);
  });

  it('reads the first connection until the second is LIVE, and nothing is shown twice', async () => {
    const copy = await live(w, w.alice);
    const first = socket(w, w.alice);
    first.deliver({ kind: { case: 'reconnect', value: { ...order, jitterMs: 0n } } });
    await vi.advanceTimersByTimeAsync(3_999);
    w.server.state.send(w.bob, w.conversation.id, 'one');
    await vi.advanceTimersByTimeAsync(10);
    w.server.state.send(w.bob, w.conversation.id, 'two');
    await settle();
    expect(texts(copy, w.conversation.id)).toEqual(['one', 'two']);
    expect(copy.arrived).toEqual(['one', 'two']);
  });

  it('goes on when the first connection ends before the second is there', async () => {
    const copy = await live(w, w.alice);
    const first = socket(w, w.alice);
    first.deliver({ kind: { case: 'reconnect', value: { ...order, jitterMs: 0n } } });
    await settle();
    w.server.down = true;
    await vi.advanceTimersByTimeAsync(20_000);
    first.end(4000, 'MOVED');
    w.server.down = false;
    await vi.advanceTimersByTimeAsync(40_000);
    expect(copy.chat.session.phase).toBe('LIVE');
  });

  it('tries the second connection again while the first still lives', async () => {
    const copy = await live(w, w.alice);
    const first = socket(w, w.alice);
    first.deliver({ kind: { case: 'reconnect', value: { ...order, jitterMs: 0n } } });
    await settle();
    w.server.down = true;
    await vi.advanceTimersByTimeAsync(8_000);
    expect(copy.chat.session.canSend).toBe(true);
    w.server.down = false;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(copy.chat.session.phase).toBe('LIVE');
    expect(first.closedByClient).toBe(1000);
  });
});

describe('bad frames', () => {
  it('skips bytes that are no frame, pings, and takes what follows', async () => {
    const copy = await live(w, w.alice);
    socket(w, w.alice).bytes(new Uint8Array([0xff, 0xff, 0xff]));
    w.server.state.send(w.bob, w.conversation.id, 'after the noise');
    await settle();
    expect(texts(copy, w.conversation.id)).toEqual(['after the noise']);
    expect(socket(w, w.alice).kinds).toContain('ping');
  });

  it('ignores a frame of a kind that it does not know', async () => {
    const copy = await live(w, w.alice);
    socket(w, w.alice).bytes(new Uint8Array([0xfa, 0x01, 0x00]));
    w.server.state.send(w.bob, w.conversation.id, 'known');
    await settle();
    expect(texts(copy, w.conversation.id)).toEqual(['known']);
    expect(copy.chat.session.phase).toBe('LIVE');
  });

  it('pulls on resync without a reconnect', async () => {
    const copy = await live(w, w.alice);
    w.server.state.send(w.bob, w.conversation.id, 'dropped', undefined, false);
    const value = { conversationId: w.conversation.id, fromSeq: 1n, reason: ResyncReason.OVERFLOW };
    socket(w, w.alice).deliver({ kind: { case: 'resync', value } });
    await settle();
    expect(texts(copy, w.conversation.id)).toEqual(['dropped']);
    expect(w.server.opened).toBe(1);
  });

  it('pings at once on a resync without a conversation', async () => {
    const copy = await live(w, w.alice);
    w.server.state.send(w.bob, w.conversation.id, 'dropped', undefined, false);
    socket(w, w.alice).deliver({ kind: { case: 'resync', value: { reason: ResyncReason.BROKER_LOST } } });
    await vi.advanceTimersByTimeAsync(2_100);
    expect(texts(copy, w.conversation.id)).toEqual(['dropped']);
  });
});
