// SPDX-License-Identifier: Apache-2.0
// What the jump box offers: conversations and friends, found by any of their names.
import type { Friend } from '../../lib/protocol/people';
import type { Summary } from '../../lib/state/summary';
import { matching, type Candidate } from '../../lib/text/mentions';

/** One line of the jump box. */
export interface Target extends Candidate {
  conversationId: string;
  /** Whose picture stands before it. */
  face: string;
  unread: number;
}

/** Everything to jump to: conversations as the list has them, then friends without one. */
export function targets(list: readonly Summary[], friends: readonly Friend[], unnamed: string): Target[] {
  const people = new Map(friends.map((one) => [one.conversationId, one]));
  const talks = list.map((one): Target => {
    const friend = people.get(one.id);
    return {
      id: one.id,
      conversationId: one.id,
      face: one.group ? one.id : one.peerId,
      name: one.name || unnamed,
      username: friend?.person.username ?? '',
      unread: one.unread,
    };
  });
  const listed = new Set(list.map((one) => one.id));
  const others = friends.filter((one) => one.conversationId !== '' && !listed.has(one.conversationId));
  const rest = others.map(({ person, remark, conversationId }): Target => {
    return { id: conversationId, conversationId, face: person.userId, name: remark || person.nickname || unnamed, username: person.username, unread: 0 };
  });
  return [...talks, ...rest];
}

/** The targets that a query fits, the closest first; without a query those with unread messages come first. */
export function fitting(all: readonly Target[], query: string, most: number): Target[] {
  if (query.trim() === '') return [...all].sort((a, b) => Number(b.unread > 0) - Number(a.unread > 0)).slice(0, most);
  const found = new Map(all.map((one) => [one.id, one]));
  return matching(all, query.trim(), most).map((one) => found.get(one.id)!);
}
