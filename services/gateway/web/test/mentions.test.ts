// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../src/lib/protocol/model';
import { Timeline, unknownConversation } from '../src/lib/protocol/timeline';
import { asked, decode, encode, matching, mentionedIn, preview } from '../src/lib/text/mentions';

const MENG = '0199a7f0-0000-7000-8000-000000000001';
const LI = '0199a7f0-0000-7000-8000-000000000002';
const NAMES: Record<string, string> = { [MENG]: '萌', [LI]: '李伟' };
const name = (id: string) => NAMES[id] ?? '';

describe('the list of people to mention', () => {
  it.each([
    ['opens on @', '@', { start: 0, query: '' }],
    ['opens on the full-width sign', '＠萌', { start: 0, query: '萌' }],
    ['opens inside a sentence without spaces', '请＠萌', { start: 1, query: '萌' }],
    ['goes on over the space of a name', 'hi @Cleo M', { start: 3, query: 'Cleo M' }],
    ['stays closed for a mail address', 'mara@ex', undefined],
    ['stays closed after "@ "', '@ nobody', undefined],
    ['ends with the line', '@a\nb', undefined],
    ['stays closed without a sign', 'hello', undefined],
  ])('%s', (_, text, found) => expect(asked(text, text.length)).toEqual(found));

  const people = [
    { id: '1', name: '田中　太郎', username: 'tanaka' },
    { id: '2', name: 'Jérémie F', username: 'jf' },
    { id: '3', name: '王小明', username: 'xm' },
    { id: '4', name: '萌', username: 'moe' },
  ];
  it.each([
    ['太', ['1']],
    ['jer', ['2']],
    ['明', ['3']],
    ['XM', ['3']],
    ['ＪＥＲ', ['2']],
    ['zz', []],
    ['萌', ['4']],
    ['', ['1', '2', '3', '4']],
  ])('finds "%s"', (query, ids) => expect(matching(people, query, 8).map((one) => one.id)).toEqual(ids));
});

describe('S34', () => {
  it('＠萌 inside a sentence without spaces offers the name, and travels as a mention', () => {
    const sentence = '明天请＠萌看一下';
    const found = asked(sentence, sentence.indexOf('看'));
    expect(found).toEqual({ start: 3, query: '萌' });
    const [offered] = matching([{ id: MENG, name: '萌', username: 'moe' }], found!.query, 8);
    expect(offered?.id).toBe(MENG);
    const body = encode(sentence, { 萌: MENG });
    expect(body).toBe(`明天请<@${MENG}>看一下`);
    expect(mentionedIn(body)).toEqual([MENG]);
  });
});

describe('mentions', () => {
  it('travel as ids and are read as names', () => {
    const body = encode('请@萌 和＠李伟 看', { 萌: MENG, 李伟: LI });
    expect(body).toBe(`请<@${MENG}> 和<@${LI}> 看`);
    expect(mentionedIn(body)).toEqual([MENG, LI]);
    expect(decode(body, name)).toEqual({ text: '请@萌 和@李伟 看', picks: { 萌: MENG, 李伟: LI } });
  });

  it('come back from an edit as they were, also two people of one name', () => {
    const body = `<@${MENG}> <@${LI}> <@0199a7f0-0000-7000-8000-000000000009> <@all>`;
    const twins = decode(body, () => 'Sam');
    expect(encode(twins.text, twins.picks)).toBe(body);
  });

  it('of a longer name do not become one of a shorter', () => {
    expect(encode('@Sam and @Samira', { Sam: MENG, Samira: LI })).toBe(`<@${MENG}> and <@${LI}>`);
  });

  it('that a preview cuts off are left out, and what looks like one is kept when it is edited', () => {
    expect(preview('see <@0199a7f0-0000', name)).toBe('see …');
    expect(decode('see <@0199a7f0-0000', name).text).toBe('see <@0199a7f0-0000');
  });

  it('are counted apart, until they are read or taken back', () => {
    const t = new Timeline({ ...unknownConversation('c'), memberIds: ['me', 'you'] }, 'me');
    const say = (seq: number, more: Partial<ChatMessage> = {}) =>
      t.accept({ conversationId: 'c', seq, messageId: `m${seq}`, clientMessageId: '', senderId: 'you', sentAt: 0, rev: 0, text: 'x', ...more });
    say(1, { mentionIds: ['me'] });
    say(2, { mentionIds: ['other'] });
    say(3, { mentionsAll: true });
    expect(t.record.head.mentions).toBe(2);
    t.follow({ ...t.messages.get(3)!, rev: 1, text: undefined, recalled: { by: 'you', at: 1 } });
    expect(t.record.head.mentions).toBe(1);
    t.read(1);
    expect([t.record.head.mentions, t.record.head.unread]).toEqual([0, 1]);
  });
});
