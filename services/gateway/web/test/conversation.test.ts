// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConversationView } from '../src/lib/state/conversation.svelte';
import { dayStart, dayText } from '../src/lib/text/day';
import { live, settle, world, type Copy, type World } from './protocol/fixture';

let w: World;
beforeEach(() => {
  vi.useFakeTimers();
  w = world();
});
afterEach(() => vi.useRealTimers());

const say = (count: number, push = true) => {
  for (let i = 0; i < count; i++) w.server.state.send(w.bob, w.conversation.id, 'text', undefined, push);
};
const open = (copy: Copy) => new ConversationView(copy.chat, copy.chat.replica.timelines.get(w.conversation.id)!, w.alice, undefined);
const shown = (view: ConversationView) => {
  view.refresh();
  return view.rows.flatMap((row) => (row.kind === 'message' && row.seq > 0 ? [row.seq] : []));
};
const whole = (seqs: number[]) => seqs.every((seq, i) => i === 0 || seq === seqs[i - 1]! + 1);

describe('the open conversation', () => {
  it('lands at the end when all is read', async () => {
    say(300, false);
    w.conversation.read.set(w.alice, 300);
    const view = open(await live(w, w.alice));
    await settle();
    expect(shown(view).at(-1)).toBe(300);
    expect(view.ends).toBe(true);
    expect(view.landsOnNew).toBe(false);
  });

  it('costs at most two requests', async () => {
    say(300, false);
    const copy = await live(w, w.alice);
    const before = w.server.calls.get('ListMessages') ?? 0;
    const view = open(copy);
    await settle();
    shown(view);
    await settle();
    expect((w.server.calls.get('ListMessages') ?? 0) - before).toBeLessThanOrEqual(2);
  });

  it('lands on the first unread message even when that is far above what is loaded', async () => {
    say(300, false);
    w.conversation.read.set(w.alice, 100);
    const view = open(await live(w, w.alice));
    await settle();
    const seqs = shown(view);
    expect(seqs).toContain(101);
    expect(whole(seqs)).toBe(true);
    expect(view.rows.some((row) => row.kind === 'new')).toBe(true);
    expect(view.ends).toBe(false);
  });

  it('shows one stretch without holes wherever the user scrolls, and at most 200 messages', async () => {
    say(700, false);
    w.conversation.read.set(w.alice, 350);
    const copy = await live(w, w.alice);
    const view = open(copy);
    await settle();
    let random = 11;
    for (let step = 0; step < 300; step++) {
      random = (random * 48271) % 2147483647;
      if (random % 40 === 0) view.toEnd();
      else if (random % 7 === 0) say(1);
      else if (random % 9 < 5) await view.older();
      else await view.newer();
      await settle();
      const seqs = shown(view);
      expect(whole(seqs)).toBe(true);
      expect(seqs.length).toBeLessThanOrEqual(200);
      expect(seqs.length).toBeGreaterThan(0);
    }
  });

  it('reaches the first and the last message', async () => {
    say(400, false);
    w.conversation.read.set(w.alice, 200);
    const view = open(await live(w, w.alice));
    for (let i = 0; i < 40 && !view.begins; i++) {
      await view.older();
      await settle();
    }
    expect(shown(view)[0]).toBe(1);
    for (let i = 0; i < 40 && !view.ends; i++) {
      await view.newer();
      await settle();
    }
    expect(shown(view).at(-1)).toBe(400);
  });

  it('counts what comes in below, and shows it only at the end', async () => {
    say(400, false);
    w.conversation.read.set(w.alice, 100);
    const view = open(await live(w, w.alice));
    await settle();
    say(2);
    await settle();
    shown(view);
    expect(view.below).toBe(2);
    expect(shown(view)).not.toContain(402);
    view.toEnd();
    expect(shown(view)).toContain(402);
    expect(view.below).toBe(0);
  });

  it('shows what a reply answers as it is now, also when it lies far above', async () => {
    say(300, false);
    w.server.state.edit(w.conversation.id, 3, 'third', false);
    w.server.state.send(w.bob, w.conversation.id, 'to the third', undefined, false, Date.now(), 3n);
    w.conversation.read.set(w.alice, 301);
    const copy = await live(w, w.alice);
    const view = open(copy);
    await settle();
    const reply = () => view.rows.flatMap((row) => (row.kind === 'message' && row.seq === 301 ? [row.reply] : []))[0];
    view.refresh();
    await settle();
    view.refresh();
    expect(reply()).toEqual({ seq: 3, senderId: w.bob, text: 'third', recalled: false, edited: true });
    w.server.state.recall(w.bob, w.conversation.id, 3);
    await settle();
    view.refresh();
    expect(reply()).toMatchObject({ recalled: true, text: undefined });
    expect(await view.around(3)).toBe(true);
    const seqs = view.rows.flatMap((row) => ('seq' in row && row.seq > 0 ? [row.seq] : []));
    expect(seqs).toContain(3);
    expect(whole(seqs)).toBe(true);
    view.toEnd();
    expect(await view.around(301)).toBe(true);
    expect(await view.around(999)).toBe(false);
  });

  it('goes to a day in one request, and lands on its first message', async () => {
    const day = (n: number) => new Date(2026, 4, n, 12).getTime();
    for (let i = 1; i <= 600; i++) w.server.state.send(w.bob, w.conversation.id, `m${i}`, undefined, false, day(1 + Math.floor(i / 30)));
    w.conversation.read.set(w.alice, 600);
    const copy = await live(w, w.alice);
    const view = open(copy);
    await settle();
    view.refresh();
    const before = w.server.calls.get('ListMessages') ?? 0;
    const seq = await copy.chat.replica.firstSince(w.conversation.id, dayStart('2026-05-08')!);
    expect(seq).toBe(210);
    expect(await view.around(seq!)).toBe(true);
    expect((w.server.calls.get('ListMessages') ?? 0) - before).toBe(1);
    const seqs = shown(view);
    expect(seqs).toContain(210);
    expect(whole(seqs)).toBe(true);
    expect(await copy.chat.replica.firstSince(w.conversation.id, dayStart('2026-07-01')!)).toBeUndefined();
    await view.newer();
    await settle();
    expect(whole(shown(view))).toBe(true);
  });

  it('knows the days of the local calendar', () => {
    expect(dayStart('2026-03-29')).toBe(new Date(2026, 2, 29).getTime());
    expect(dayText(new Date(2026, 0, 5, 23, 59).getTime())).toBe('2026-01-05');
    for (const wrong of ['', '2026-13-01', '2026-02-30', 'today']) expect(dayStart(wrong)).toBeUndefined();
  });

  it('answers a message, as a pushed frame tells it, and keeps the same payload on a retry', async () => {
    const copy = await live(w, w.alice);
    say(2);
    await settle();
    w.server.muteSends = true;
    await copy.chat.send(w.conversation.id, 'which one?', 2);
    await vi.advanceTimersByTimeAsync(12_000);
    const sends = [...w.server.sockets].flatMap((one) => one.received).flatMap((frame) => (frame.kind.case === 'send' ? [frame.kind.value.replyToSeq] : []));
    expect(new Set(sends)).toEqual(new Set([2n]));
    const view = open(copy);
    expect(view.rows.at(-1)).toMatchObject({ kind: 'message', text: 'which one?', reply: { seq: 2, senderId: w.bob } });
    view.leave();
  });

  it.each([false, true])('is made anew any number of times while its end is not loaded (server down: %s)', async (down) => {
    say(300, false);
    w.conversation.read.set(w.alice, 300);
    const copy = await live(w, w.alice);
    const timeline = copy.chat.replica.timelines.get(w.conversation.id)!;
    timeline.messages.clear();
    timeline.record.holes = [{ from: 1, to: 300 }];
    w.server.down = down;
    const made = vi.spyOn(copy.chat.typingIn, 'in');
    made.mockImplementation(() => {
      // Without this an endless chain of promises would hold the test for ever.
      if (made.mock.calls.length > 100) throw new Error('made anew without end');
      return [];
    });
    const view = open(copy);
    view.refresh();
    await settle();
    view.refresh();
    await settle();
    expect(made.mock.calls.length).toBeLessThan(20);
    w.server.down = false;
    await vi.advanceTimersByTimeAsync(3_100);
    await settle();
    expect(shown(view).at(-1)).toBe(300);
    view.leave();
  });

  it('tries again after messages could not be loaded', async () => {
    say(300, false);
    w.conversation.read.set(w.alice, 300);
    const view = open(await live(w, w.alice));
    await settle();
    w.server.down = true;
    while (!view.failed) {
      await view.older();
      await settle();
    }
    const top = shown(view)[0]!;
    w.server.down = false;
    await vi.advanceTimersByTimeAsync(3_100);
    await view.older();
    await settle();
    expect(shown(view)[0]).toBeLessThan(top);
    view.leave();
  });
});
