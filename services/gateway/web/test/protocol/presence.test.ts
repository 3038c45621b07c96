// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PresenceState } from '../../src/gen/parley/gateway/v1/frame_pb';
import { WATCH_MOST } from '../../src/lib/protocol/presence';
import { live, settle, socket, world, type World } from './fixture';

let w: World;
beforeEach(() => {
  vi.useFakeTimers();
  w = world();
  w.server.state.presence.set(w.bob, PresenceState.ONLINE);
});
afterEach(() => vi.useRealTimers());

const watches = () => socket(w, w.alice).received.flatMap((frame) => (frame.kind.case === 'watch' ? [frame.kind.value.userIds] : []));
const become = async (state: PresenceState) => {
  w.server.state.presence.set(w.bob, state);
  socket(w, w.alice).tellPresence([w.bob]);
  await settle();
};

describe('presence', () => {
  it('follows the visible people, asked for once they rest, and nobody else', async () => {
    const copy = await live(w, w.alice);
    for (const ids of [['x'], ['x', 'y'], [w.bob]]) copy.chat.presence.watch(ids);
    expect(watches()).toEqual([]);
    await vi.advanceTimersByTimeAsync(300);
    expect(watches()).toEqual([[w.bob]]);
    expect(copy.presence.get(w.bob)).toBe('online');
    await become(PresenceState.AWAY);
    expect(copy.presence.get(w.bob)).toBe('away');
    copy.chat.presence.watch([w.bob]);
    await vi.advanceTimersByTimeAsync(300);
    expect(watches()).toHaveLength(1);
  });

  it('is nothing where nothing is known: hidden, not watched any more, or without a connection', async () => {
    const copy = await live(w, w.alice);
    copy.chat.presence.watch([w.bob, 'stranger']);
    await vi.advanceTimersByTimeAsync(300);
    expect([...copy.presence.keys()]).toEqual([w.bob]);
    await become(PresenceState.UNSPECIFIED);
    expect(copy.presence.size).toBe(0);
    await become(PresenceState.OFFLINE);
    expect(copy.presence.get(w.bob)).toBe('offline');
    copy.chat.presence.watch([]);
    await vi.advanceTimersByTimeAsync(300);
    expect(copy.presence.size).toBe(0);
    expect(watches().at(-1)).toEqual([]);
    copy.chat.presence.watch([w.bob]);
    await vi.advanceTimersByTimeAsync(300);
    w.server.down = true;
    socket(w, w.alice).end(1006, '');
    await settle();
    expect(copy.presence.size).toBe(0);
  });

  it('outlives a face that is drawn anew', async () => {
    const copy = await live(w, w.alice);
    copy.chat.presence.watch([w.bob]);
    await vi.advanceTimersByTimeAsync(300);
    copy.chat.presence.watch([]);
    await become(PresenceState.AWAY);
    copy.chat.presence.watch([w.bob]);
    await vi.advanceTimersByTimeAsync(300);
    expect(copy.presence.get(w.bob)).toBe('away');
    expect(watches()).toHaveLength(1);
  });

  it('is asked for again on each new connection', async () => {
    const copy = await live(w, w.alice);
    copy.chat.presence.watch([w.bob]);
    await vi.advanceTimersByTimeAsync(300);
    w.server.close(1006);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(watches()).toEqual([[w.bob]]);
    expect(copy.presence.get(w.bob)).toBe('online');
  });

  it('stays during a planned move', async () => {
    const copy = await live(w, w.alice);
    copy.chat.presence.watch([w.bob]);
    await vi.advanceTimersByTimeAsync(300);
    socket(w, w.alice).deliver({ kind: { case: 'reconnect', value: { afterMs: 100n, jitterMs: 0n, deadlineMs: 10_000n } } });
    let lost = false;
    for (let i = 0; i < 50; i++) {
      await vi.advanceTimersByTimeAsync(10);
      lost ||= copy.presence.size === 0;
    }
    expect(lost).toBe(false);
    expect(watches()).toEqual([[w.bob]]);
  });

  it('is asked for 200 people at most', async () => {
    const copy = await live(w, w.alice);
    copy.chat.presence.watch(Array.from({ length: 300 }, (_, i) => `u${i}`));
    await vi.advanceTimersByTimeAsync(300);
    expect(watches()[0]).toHaveLength(WATCH_MOST);
  });
});
