// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../src/lib/protocol/model';
import * as ranges from '../../src/lib/protocol/ranges';
import { Timeline, unknownConversation } from '../../src/lib/protocol/timeline';

const id = 'c1';
const message = (seq: number, senderId = 'bob', rev = 0): ChatMessage => ({
  conversationId: id,
  seq,
  messageId: `m${seq}`,
  clientMessageId: `k${seq}`,
  senderId,
  sentAt: seq,
  rev,
  text: `t${seq}.${rev}`,
});
const timeline = () => new Timeline(unknownConversation(id), 'alice');
const head = (seq: number, readSeq: number, unread: number) => ({ conversationId: id, seq, rev: 0, membersRev: 0, readSeq, unread });

describe('timeline', () => {
  it('passes a declared gap', () => {
    const t = timeline();
    t.extend({ items: [message(1), message(5)], gaps: [{ from: 2, to: 4 }] });
    expect(t.record.localSeq).toBe(5);
    expect(t.record.gaps).toEqual([{ from: 2, to: 4 }]);
  });

  it('passes a gap at the end of a page', () => {
    const t = timeline();
    t.extend({ items: [message(1)], gaps: [{ from: 2, to: 9 }] });
    expect(t.record.localSeq).toBe(9);
    t.accept(message(10));
    expect(t.record.localSeq).toBe(10);
  });

  it('does not advance over a page with a hole that nobody declared', () => {
    const t = timeline();
    t.extend({ items: [message(1), message(3)], gaps: [] });
    expect(t.record.localSeq).toBe(1);
  });

  it('is as active as its newest message, however that came', () => {
    const pulled = timeline();
    pulled.applyHead(head(2, 0, 2)); // as after a resume: the head is told before its messages are asked for
    pulled.extend({ items: [message(1), message(2)], gaps: [] });
    expect(pulled.record.activeAt).toBe(2);
    const jumped = timeline();
    jumped.applyHead(head(900, 0, 900));
    jumped.jump({ items: [message(899), message(900)], gaps: [] }, 900);
    expect(jumped.record.activeAt).toBe(900);
    const waiting = timeline();
    waiting.accept(message(7));
    expect(waiting.record.activeAt).toBe(7);
  });

  it('keeps the copy with the higher rev', () => {
    const t = timeline();
    t.accept(message(1, 'bob', 0));
    t.change([message(1, 'bob', 4)], 4);
    t.accept(message(1, 'bob', 2));
    expect(t.messages.get(1)?.text).toBe('t1.4');
    expect(t.record.localRev).toBe(4);
  });

  it('holds at most 200 messages aside', () => {
    const t = timeline();
    for (let seq = 2; seq <= 400; seq++) t.accept(message(seq));
    t.accept(message(1));
    expect(t.record.localSeq).toBe(201);
  });

  it('adds pushes above the head of an answer to its unread number', () => {
    const t = timeline();
    t.accept(message(1));
    t.accept(message(2));
    t.applyHead(head(1, 0, 1));
    expect(t.record.head).toMatchObject({ seq: 2, unread: 2 });
  });

  it('believes the server about what was not loaded', () => {
    const t = timeline();
    t.applyHead(head(500, 100, 350));
    expect(t.record.head.unread).toBe(350);
    t.recordHole(500);
    expect(t.countable).toBe(false);
    t.read(500);
    expect(t.record.head.unread).toBe(0);
  });

  it('never moves the marker back or past the head', () => {
    const t = timeline();
    t.accept(message(1));
    t.accept(message(2));
    expect(t.read(9)).toBe(true);
    expect(t.record.head.readSeq).toBe(2);
    expect(t.read(1)).toBe(false);
  });

  it('counts own messages never, and at most 999', () => {
    const t = timeline();
    for (let seq = 1; seq <= 1200; seq++) t.accept(message(seq));
    expect(t.record.head.unread).toBe(999);
    t.accept(message(1201, 'alice'));
    expect(t.record.head.unread).toBe(0);
  });

  it('takes a message of somebody as a sign that they have read up to there', () => {
    const t = timeline();
    t.accept(message(1, 'alice'));
    expect(t.record.markers.bob).toBeUndefined();
    t.accept(message(2, 'bob'));
    expect(t.record.markers.bob).toBe(2);
  });

  it('knows from where on everything is here', () => {
    const t = timeline();
    t.jump({ items: [message(91), message(92)], gaps: [] }, 92);
    expect(t.startOf(92)).toBe(91);
    t.fillBefore(91, { items: [message(89), message(90)], gaps: [] });
    expect(t.startOf(92)).toBe(89);
    t.fillBefore(89, { items: [], gaps: [] });
    expect(t.startOf(92)).toBe(1);
  });

  it('equals the server after any order of pushes, doubles and pulls', () => {
    let random = 7;
    const next = (most: number) => (random = (random * 48271) % 2147483647) % most;
    for (let run = 0; run < 200; run++) {
      const t = timeline();
      const all = Array.from({ length: 30 }, (_, i) => message(i + 1, i % 3 ? 'bob' : 'alice'));
      for (let step = 0; step < 60; step++) t.accept(all[next(30)]!);
      while (t.record.localSeq < 30) t.extend({ items: all.slice(t.record.localSeq, t.record.localSeq + 7), gaps: [] });
      expect([...t.messages.keys()].sort((a, b) => a - b)).toEqual(all.map((one) => one.seq));
      expect(t.waits).toBe(false);
    }
  });
});

describe('ranges', () => {
  it.each([
    ['joins neighbours', [{ from: 1, to: 3 }], { from: 4, to: 5 }, [{ from: 1, to: 5 }]],
    ['keeps strangers apart', [{ from: 1, to: 3 }], { from: 5, to: 5 }, [{ from: 1, to: 3 }, { from: 5, to: 5 }]],
    ['swallows what lies inside', [{ from: 2, to: 3 }, { from: 6, to: 7 }], { from: 1, to: 9 }, [{ from: 1, to: 9 }]],
    ['ignores an empty range', [{ from: 2, to: 3 }], { from: 9, to: 8 }, [{ from: 2, to: 3 }]],
  ])('add %s', (_, before, extra, after) => expect(ranges.add(before, extra)).toEqual(after));

  it.each([
    ['cuts a part', [{ from: 1, to: 9 }], { from: 4, to: 5 }, [{ from: 1, to: 3 }, { from: 6, to: 9 }]],
    ['takes all', [{ from: 4, to: 5 }], { from: 1, to: 9 }, []],
    ['leaves strangers', [{ from: 1, to: 2 }], { from: 4, to: 5 }, [{ from: 1, to: 2 }]],
  ])('remove %s', (_, before, hole, after) => expect(ranges.remove(before, hole)).toEqual(after));
});
