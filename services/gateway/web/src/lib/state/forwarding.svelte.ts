// SPDX-License-Identifier: Apache-2.0
import { SvelteSet } from 'svelte/reactivity';
import type { Chat } from '../protocol/chat';
import type { Friend } from '../protocol/people';
import { nameFits } from '../text/names';
import type { Summary } from './summary';

/** Messages that wait for their targets. */
export interface Asked {
  conversationId: string;
  seqs: number[];
}

/** One place to forward to. */
export interface Target {
  conversationId: string;
  name: string;
  username: string;
  /** Whose colour it has. */
  face: string;
}

/** Most messages in one go. */
export const FORWARD_MOST = 50;
/** Most places in one go. */
export const TARGETS_MOST = 10;

/** Forwarding is the choice of messages to forward, and of where to. */
export class Forwarding {
  /** The conversation in which messages are being chosen; empty while none are. */
  from = $state('');
  readonly chosen = new SvelteSet<number>();
  /** Set while the user chooses where to. */
  asked = $state.raw<Asked | undefined>();

  constructor(private readonly host: { readonly chat: Chat | undefined }) {}

  /** Starts to choose messages, with one that is chosen already. */
  choose(conversationId: string, seq: number): void {
    this.clear();
    this.from = conversationId;
    this.chosen.add(seq);
  }

  toggle(seq: number): void {
    if (!this.chosen.delete(seq) && this.chosen.size < FORWARD_MOST) this.chosen.add(seq);
  }

  /** Asks where to forward: one message, or those that are chosen. */
  ask(conversationId: string, seqs: Iterable<number> = this.chosen): void {
    this.asked = { conversationId, seqs: [...seqs].sort((a, b) => a - b) };
  }

  /** Sends copies of the messages, in their order, to each place. */
  async send(targets: readonly string[]): Promise<void> {
    const { chat } = this.host;
    const { asked } = this;
    this.clear();
    if (!chat || !asked) return;
    const work = targets.flatMap((id) => asked.seqs.map((seq) => ({ id, source: { conversationId: asked.conversationId, seq } })));
    for (const { id, source } of work) await chat.forward(id, source);
  }

  clear(): void {
    this.from = '';
    this.chosen.clear();
    this.asked = undefined;
  }
}

/** Where the user may forward to: conversations by their last activity, then friends without one in the list. */
export function targets(list: readonly Summary[], friends: readonly Friend[], username: (userId: string) => string): Target[] {
  const open = list.filter((one) => !one.readOnly);
  const known = new Set(list.map((one) => one.id));
  return [
    ...open.map(({ id, name, group, peerId }) => ({ conversationId: id, name, username: group ? '' : username(peerId), face: group ? id : peerId })),
    ...friends
      .filter(({ conversationId }) => conversationId !== '' && !known.has(conversationId))
      .map(({ conversationId, remark, person }) => ({ conversationId, name: remark || person.nickname, username: person.username, face: person.userId })),
  ];
}

/** Those that a query fits by name or username. */
export function found(all: readonly Target[], query: string): Target[] {
  return all.filter((one) => nameFits(one.name, query) || (one.username !== '' && nameFits(one.username, query.replace(/^\s*[@＠]/, ''))));
}
