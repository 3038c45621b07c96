// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ChatMessage, OutboxEntry } from '../src/lib/protocol/model';
import { Timeline, unknownConversation } from '../src/lib/protocol/timeline';
import { deviceName } from '../src/lib/state/device';
import { href, parse } from '../src/lib/state/router.svelte';
import { mayEdit, mayRecall } from '../src/lib/state/allowed';
import { rows, type MessageRow, type Row } from '../src/lib/state/rows';
import { stable } from '../src/lib/state/stable';
import type { Summary } from '../src/lib/state/summary';
import { check, fieldError } from '../src/ui/auth/check';
import { measure } from '../src/ui/chats/limit';
import { composing, neighbour } from '../src/ui/shell/keys';

describe('the limit of a message', () => {
  it.each([
    ['a short text is far from it', 'hi', { near: false, over: false }],
    ['7,199 letters are not near', 'x'.repeat(7_199), { near: false, over: false }],
    ['7,200 letters are near', 'x'.repeat(7_200), { near: true, over: false, left: 800 }],
    ['8,000 letters fit', 'x'.repeat(8_000), { over: false, left: 0 }],
    ['8,001 letters do not', 'x'.repeat(8_001), { over: true, left: -1 }],
    ['8,000 Chinese characters fit', '字'.repeat(8_000), { over: false }],
    ['an emoji is one character', '🤞'.repeat(8_000), { over: false }],
    ['32 KiB is the end even for fewer characters', '👩‍👩‍👧'.repeat(1_900), { over: true }],
  ])('%s', (_, text, size) => expect(measure(text)).toMatchObject(size));
});

describe('input methods', () => {
  it.each([
    ['Enter that confirms a candidate', { isComposing: true, keyCode: 229 }, true],
    ['Enter after the composition on Safari', { isComposing: false, keyCode: 229 }, true],
    ['Enter of nobody but the person', { isComposing: false, keyCode: 13 }, false],
  ])('%s', (_, event, own) => expect(composing(event)).toBe(own));
});

describe('places', () => {
  const id = '0199a7f0-0000-7000-8000-000000000001';
  it.each([
    ['/', { at: 'chats' }],
    [`/c/${id}`, { at: 'chats', conversationId: id }],
    ['/contacts', { at: 'contacts', tab: 'friends' }],
    ['/contacts/find', { at: 'contacts', tab: 'find' }],
    ['/settings', { at: 'settings' }],
    ['/signup', { at: 'signUp' }],
    ['/reset', { at: 'reset' }],
    ['/administrator', { at: 'administrator' }],
  ] as const)('%s is a path and back', (path, route) => {
    expect(parse(path)).toEqual(route);
    expect(href(route)).toBe(path);
  });
  it('a path that nobody knows leads to the conversations', () => expect(parse('/c/../../x')).toEqual({ at: 'chats' }));
});

describe('moving through the list', () => {
  const list = [3, 0, 0, 1].map((unread, i) => ({ id: `c${i}`, unread }) as Summary);
  it.each([
    ['down', 'c0', 1, false, 'c1'],
    ['up', 'c1', -1, false, 'c0'],
    ['not past the end', 'c3', 1, false, undefined],
    ['to the next unread', 'c0', 1, true, 'c3'],
    ['from nowhere to the first', undefined, 1, false, 'c0'],
    ['from nowhere to the last', undefined, -1, false, 'c3'],
  ] as const)('goes %s', (_, from, step, unreadOnly, to) => expect(neighbour(list, from, step, unreadOnly)).toBe(to));

  it('keeps its order while the pointer is on it', () => {
    const items = ['new', 'b', 'a'].map((id) => ({ id }));
    expect(stable(items, ['a', 'b'], true).map((one) => one.id)).toEqual(['new', 'a', 'b']);
    expect(stable(items, ['a', 'b'], false)).toBe(items);
    expect(stable(items, [], true)).toEqual(items);
  });

  it('puts what is loaded later below what is shown, also under the pointer', () => {
    const items = ['new', 'b', 'a', 'old', 'older'].map((id) => ({ id }));
    expect(stable(items, ['a', 'b'], true).map((one) => one.id)).toEqual(['new', 'a', 'b', 'old', 'older']);
  });
});

describe('what may be done with a message', () => {
  const row = (own: boolean, seq: number, text: string | undefined = 'x') => ({ kind: 'message', own, seq, text, at: 0 }) as MessageRow;
  it.each([
    ['an own one at once', row(true, 1), 0, 'yes', 'yes'],
    ['an own one just before two minutes are over', row(true, 1), 119_999, 'yes', 'yes'],
    ['an own one after two minutes', row(true, 1), 120_000, 'late', 'yes'],
    ['an own one after a day', row(true, 1), 86_400_000, 'late', 'late'],
    ['one of somebody else', row(false, 1), 0, 'never', 'never'],
    ['a copy of another message', { ...row(true, 1), forwarded: true }, 0, 'yes', 'never'],
    ['one that is not sent yet', row(true, 0), 0, 'never', 'never'],
  ])('%s', (_, target, now, recall, edit) => expect([mayRecall(target, now), mayEdit(target, now)]).toEqual([recall, edit]));
});

describe('sign-up', () => {
  const good = { username: 'li.wei', nickname: '李伟', password: 'long enough' };
  it.each([
    ['takes what is right', good, []],
    ['wants all fields', { username: '', nickname: ' ', password: '' }, ['nickname', 'password', 'username']],
    ['wants a letter first', { ...good, username: '1abc' }, ['username']],
    ['wants three characters', { ...good, username: 'ab' }, ['username']],
    ['wants eight characters of password', { ...good, password: 'seven77' }, ['password']],
    ['counts characters of a nickname, not bytes', { ...good, nickname: '字'.repeat(32) }, []],
    ['wants a nickname of at most 32', { ...good, nickname: 'x'.repeat(33) }, ['nickname']],
  ])('%s', (_, values, fields) => expect(Object.keys(check('signUp', values)).sort()).toEqual(fields));

  it('puts a refusal beside its field', () => {
    const failure = (reason: string, metadata = {}) => ({ reason, metadata, retryAfterMs: 0, code: 1 });
    expect(fieldError('signUp', failure('USERNAME_TAKEN'))).toHaveProperty('username');
    expect(fieldError('signUp', failure('CONTENT_INVALID', { field: 'password', rule: 'too_common' }))?.password).toMatch(/common/);
    expect(fieldError('signIn', failure('INVALID_CREDENTIALS'))).toHaveProperty('password');
    expect(fieldError('signIn', failure('UNAVAILABLE'))).toBeUndefined();
  });
});

describe('devices', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox · Linux'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15', 'Safari · macOS'],
    ['Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/156.0 Mobile Safari/537.36', 'Chrome · Android'],
    ['something else', ''],
  ])('%s', (agent, name) => expect(deviceName(agent)).toBe(name));
});

describe('lines of a conversation', () => {
  const NOON = new Date(2026, 5, 1, 12).getTime();
  const message = (seq: number, senderId: string, at: number): ChatMessage => ({
    conversationId: 'c',
    seq,
    messageId: `m${seq}`,
    clientMessageId: `k${seq}`,
    senderId,
    sentAt: at,
    rev: 0,
    text: `t${seq}`,
  });
  const filled = () => {
    const timeline = new Timeline({ ...unknownConversation('c'), memberIds: ['me', 'you'] }, 'me');
    [
      message(1, 'you', NOON),
      message(2, 'me', NOON + 1_000),
      message(3, 'me', NOON + 2_000),
      message(4, 'me', NOON + 10 * 60_000),
      message(5, 'you', NOON + 24 * 3_600_000),
    ].forEach((one) => timeline.accept(one));
    timeline.record.markers.you = 2;
    return timeline;
  };
  const brief = (all: Row[]) => all.map((row) => (row.kind === 'message' ? `${row.text} ${row.state}${row.first ? ' first' : ''}${row.last ? ' last' : ''}` : row.kind));

  it('groups senders, separates days, and ticks what was read', () => {
    expect(brief(rows(filled(), { from: 1, to: Infinity }, [], 'me', 0))).toEqual([
      'day',
      't1 none first last',
      't2 read first',
      't3 sent last',
      't4 sent first last',
      'day',
      't5 none first last',
    ]);
  });

  it('puts the line "new" before the first unread message', () => {
    const all = rows(filled(), { from: 4, to: Infinity }, [], 'me', 5);
    expect(all.map((row) => row.kind)).toEqual(['day', 'message', 'day', 'new', 'message']);
  });

  it('shows the outbox only at the end of the conversation, under the key that the message keeps', () => {
    const entry: OutboxEntry = { clientMessageId: 'k6', conversationId: 'c', text: 'mine', createdAt: NOON + 25 * 3_600_000, instanceId: 'i', state: 'waiting' };
    const timeline = filled();
    expect(brief(rows(timeline, { from: 5, to: Infinity }, [entry], 'me', 0)).at(-1)).toBe('mine sending first last');
    expect(brief(rows(timeline, { from: 1, to: 3 }, [entry], 'me', 0)).at(-1)).toBe('t3 sent last');
    const before = rows(timeline, { from: 5, to: Infinity }, [entry], 'me', 0).at(-1)!.key;
    timeline.accept(message(6, 'me', entry.createdAt));
    expect(rows(timeline, { from: 5, to: Infinity }, [], 'me', 0).at(-1)!.key).toBe(before);
  });

  it('shows a tombstone in the place of a message that was taken back, and marks what was edited', () => {
    const timeline = filled();
    timeline.follow({ ...message(3, 'me', NOON + 2_000), text: undefined, rev: 1, recalled: { by: 'me', at: NOON + 3_000 } });
    timeline.follow({ ...message(1, 'you', NOON), rev: 2, text: 'better', editedAt: NOON + 4_000 });
    const all = rows(timeline, { from: 1, to: 4 }, [], 'me', 0);
    expect(brief(all)).toEqual(['day', 'better none first last', 't2 read first last', 'recalled', 't4 sent first last']);
    expect(all.map((row) => row.kind === 'message' && row.edited)).toEqual([false, true, false, false, false]);
    expect(all[3]!.key).toBe('k3');
  });

  it('counts who has read in a group of up to a hundred, and nobody in a larger one', () => {
    const states = (memberCount: number) => {
      const record = { ...unknownConversation('c'), group: { name: 'g', memberCount, role: 1, left: false, faces: [] }, markers: { me: 2, a: 2, b: 1 } };
      const timeline = new Timeline(record, 'me');
      timeline.extend({ items: [message(1, 'me', NOON), message(2, 'me', NOON), message(3, 'me', NOON)], gaps: [] });
      return rows(timeline, { from: 1, to: Infinity }, [], 'me', 0).flatMap((row) => (row.kind === 'message' ? [`${row.state} ${row.readers}`] : []));
    };
    expect(states(3)).toEqual(['read 2', 'read 1', 'sent 0']);
    expect(states(101)).toEqual(['sent 0', 'sent 0', 'sent 0']);
  });

  it('says where messages are left out', () => {
    const timeline = new Timeline({ ...unknownConversation('c'), memberIds: ['me', 'you'] }, 'me');
    timeline.extend({ items: [message(1, 'you', NOON), message(9, 'you', NOON)], gaps: [{ from: 2, to: 8 }] });
    expect(rows(timeline, { from: 1, to: Infinity }, [], 'me', 0).map((row) => row.kind)).toEqual(['day', 'message', 'gap', 'message']);
  });
});
