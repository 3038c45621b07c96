// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Friend } from '../src/lib/protocol/people';
import type { Summary } from '../src/lib/state/summary';
import { find } from '../src/lib/text/find';
import { fitting, targets } from '../src/ui/shell/targets';

const talk = (id: string, name: string, unread = 0, group = false) => ({ id, name, unread, group, peerId: `u-${id}` }) as Summary;
const friend = (id: string, nickname: string, username: string, remark = ''): Friend => ({
  person: { userId: `u-${id}`, username, nickname, description: '' },
  since: 0,
  conversationId: id,
  remark,
});
const list = [talk('c1', 'Bob Finch'), talk('c2', 'Zoé 李小波', 2), talk('g1', 'Bookclub', 0, true), talk('c3', '')];
const friends = [friend('c1', 'Bob Finch', 'bob.f'), friend('c9', 'Maximiliane', 'max', 'Max from the harbour')];
const all = targets(list, friends, 'Deleted user');

describe('the jump box', () => {
  it('offers each conversation once, and friends without one', () => expect(all.map((one) => one.name)).toEqual(['Bob Finch', 'Zoé 李小波', 'Bookclub', 'Deleted user', 'Max from the harbour']));

  it.each([
    ['nothing asked: unread first', '', ['Zoé 李小波', 'Bob Finch', 'Bookclub', 'Deleted user']],
    ['marks and case do not matter', 'ZOE', ['Zoé 李小波']],
    ['the middle of a name', '小波', ['Zoé 李小波']],
    ['a beginning comes before a middle', 'bo', ['Bob Finch', 'Bookclub', 'Max from the harbour']],
    ['a username', 'max', ['Max from the harbour']],
    ['full-width letters', 'Ｂｏｂ', ['Bob Finch']],
    ['nobody', 'xyz', []],
  ])('%s', (_, query, names) => expect(fitting(all, query, 4).map((one) => one.name)).toEqual(names));
});

describe('finding in a conversation', () => {
  const messages = [{ seq: 1, text: 'Good morning' }, { seq: 2 }, { seq: 3, text: '早上好，Morning!' }, { seq: 4, text: 'hello <@u1>' }];
  const plain = (text: string) => text.replace('<@u1>', '@Zoé');
  it.each([
    ['the newest first', 'MORNING', [3, 1]],
    ['what names stand for, not their marks', 'zoe', [4]],
    ['nothing for nothing', '  ', []],
    ['nothing where nothing is', 'evening', []],
  ])('%s', (_, query, seqs) => expect(find(messages, query, plain)).toEqual(seqs));
});
