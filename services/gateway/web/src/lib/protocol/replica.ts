// SPDX-License-Identifier: Apache-2.0
import type { Conversation as WireConversation } from '../../gen/parley/message/v1/conversation_pb';
import { GapReason, type ListMessagesResponse } from '../../gen/parley/message/v1/message_pb';
import { SystemKind } from '../../gen/parley/message/v1/system_pb';
import type { Clients } from './clients';
import { toConversation, toHead, toMessage, toPageMessage } from './convert';
import { each } from './lanes';
import type { ChatMessage, Conversation, Head } from './model';
import type { Storage } from './ports';
import { Saver } from './saver';
import { Timeline, unknownConversation, type Page } from './timeline';

const PAGE = 100;
const NEWEST = 50;
const FAR_BEHIND = 200;
const CHANGES_MOST = 1_000;
const HOLE_WAIT_MS = 500;

/** What the replica tells. */
export interface ReplicaEvents {
  changed(conversationId: string): void;
  /** Messages were taken, in order; live is false for what was pulled or loaded. */
  arrived(messages: ChatMessage[], live: boolean): void;
  /** Everything up to seq is stored on this device. */
  stored(conversationId: string, seq: number, messages: number): void;
}

/** Replica holds the conversations of one user and brings each up to what the server says. */
export class Replica {
  readonly timelines = new Map<string, Timeline>();
  private readonly saver: Saver;
  private readonly pulls = new Map<string, Promise<void>>();
  private readonly holeTimers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly me: string,
    private readonly clients: Pick<Clients, 'conversations' | 'messages'>,
    private readonly storage: Storage,
    private readonly events: ReplicaEvents,
  ) {
    this.saver = new Saver(storage, events.stored);
  }

  /** Takes what an earlier run stored. */
  async load(): Promise<void> {
    const records = await this.storage.loadConversations();
    const stored = await Promise.all(records.map((record) => this.storage.loadMessages(record.id)));
    records.forEach((record, i) => this.timelines.set(record.id, new Timeline(record, this.me, stored[i])));
    records.forEach((record) => this.events.changed(record.id));
  }

  /** Takes a conversation with its last message, as lists and calls answer it. */
  take(wire: WireConversation): Timeline {
    const known = this.timelines.get(wire.conversationId);
    const fresh = toConversation(wire);
    const timeline = known ?? new Timeline(fresh, this.me);
    if (known) this.merge(known, fresh);
    else this.timelines.set(fresh.id, timeline);
    if (wire.lastMessage) this.store(timeline, timeline.accept(toMessage(wire.lastMessage)), false);
    this.store(timeline, [], false);
    return timeline;
  }

  /** Takes a conversation as a frame carries it: without what belongs to this user alone. */
  async takeFrame(wire: WireConversation): Promise<void> {
    const known = this.timelines.get(wire.conversationId);
    if (!known?.known) return this.fetch(wire.conversationId);
    const membersRev = Number(wire.head?.membersRev ?? 0n);
    if (membersRev < known.record.head.membersRev) return;
    const fresh = toConversation(wire);
    // A frame is the same for all: to who has left, the group stays closed.
    known.record.readOnly = fresh.readOnly || known.record.group?.left === true;
    known.record.memberIds = fresh.memberIds;
    // The own role and membership do not stand in frames; what changes them is told by a message too.
    const { group } = known.record;
    if (group && fresh.group) Object.assign(group, { name: fresh.group.name, memberCount: fresh.group.memberCount, avatarFileId: fresh.group.avatarFileId });
    known.record.head.membersRev = Math.max(membersRev, known.record.head.membersRev);
    this.store(known, [], false);
    if (wire.head) await this.announced([toHead(wire.head)]);
  }

  /** Takes pushed messages of one conversation. */
  push(conversationId: string, messages: ChatMessage[]): void {
    const timeline = this.at(conversationId);
    const stored = messages.flatMap((message) => timeline.accept(message));
    this.store(timeline, stored, true);
    if (timeline.waits) this.awaitHole(timeline);
    if (!timeline.known || stored.some((message) => this.movesMe(message))) void this.fetch(conversationId).catch(() => undefined);
  }

  /** Takes one message as it stands after a change; what was changed before it and is not here is pulled. */
  async change(message: ChatMessage): Promise<void> {
    const timeline = this.timelines.get(message.conversationId);
    if (!timeline) return this.fetch(message.conversationId);
    const stored = timeline.follow(message);
    this.store(timeline, stored ?? [], false);
    if (timeline.waits) this.awaitHole(timeline);
    // A pull that ran already may have asked before this change: then once more.
    for (let tries = 0; tries < 2 && timeline.record.head.rev > timeline.record.localRev; tries++) await this.pull(timeline.record.id);
  }

  /** True if one of the heads is ahead of what is here. */
  ahead(heads: Head[]): boolean {
    return heads.some((head) => {
      const timeline = this.timelines.get(head.conversationId);
      return !timeline || timeline.announce(head) || head.membersRev > timeline.record.head.membersRev;
    });
  }

  /** Takes heads with the user's own numbers and pulls what is missing. Answers false if some could not be had. */
  async heads(heads: Head[]): Promise<boolean> {
    return each(heads, async (head) => {
      const timeline = this.timelines.get(head.conversationId);
      if (!timeline) return this.fetch(head.conversationId);
      const members = head.membersRev > timeline.record.head.membersRev;
      timeline.applyHead(head);
      this.store(timeline, [], false);
      if (members) await this.fetch(head.conversationId);
      await this.pull(head.conversationId);
    });
  }

  /** Takes heads without the user's own numbers and pulls what is missing. Answers like heads. */
  async announced(heads: Head[]): Promise<boolean> {
    return each(heads, async (head) => {
      const timeline = this.timelines.get(head.conversationId);
      if (!timeline || head.membersRev > timeline.record.head.membersRev) await this.fetch(head.conversationId);
      if (timeline?.announce(head)) await this.pull(head.conversationId, head);
    });
  }

  /** Gets everything above what is stored. What cannot be got becomes a recorded hole. */
  pull(conversationId: string, head?: Head): Promise<void> {
    const running = this.pulls.get(conversationId);
    if (running) return running;
    const timeline = this.at(conversationId);
    if (!timeline.behind && !head) return Promise.resolve();
    const work = this.catchUp(timeline)
      .catch(() => {
        timeline.recordHole(timeline.record.head.seq);
        this.store(timeline, [], false);
      })
      .finally(() => this.pulls.delete(conversationId));
    this.pulls.set(conversationId, work);
    return work;
  }

  /** Shows messages no more that the user hid, on this or another device; of a rev it is known that all are told up to there. */
  hide(conversationId: string, seqs: number[], rev = 0): void {
    const timeline = this.timelines.get(conversationId);
    if (!timeline) return;
    timeline.hide(seqs, rev);
    this.store(timeline, [], false);
    void this.storage.removeMessages(conversationId, seqs).catch(() => undefined);
  }

  /** Loads the messages just below a seq. Answers when they are here; fails when they cannot be got. */
  async older(conversationId: string, before: number): Promise<void> {
    const timeline = this.at(conversationId);
    const answer = await this.clients.messages.listMessages({
      conversationId,
      range: { case: 'beforeSeq', value: BigInt(before) },
      limit: NEWEST,
    });
    this.store(timeline, timeline.fillBefore(before, page(answer)), false);
  }

  /** Loads the messages from a time on. Answers the first that may be seen; undefined if there is none. */
  async firstSince(conversationId: string, time: number): Promise<number | undefined> {
    const timeline = this.at(conversationId);
    const range = { case: 'atTime', value: BigInt(time) } as const;
    const part = page(await this.clients.messages.listMessages({ conversationId, range, limit: NEWEST }));
    const first = part.items[0]?.seq;
    if (first === undefined) return undefined;
    const from = Math.min(first, ...part.gaps.map((gap) => gap.from));
    this.store(timeline, timeline.fillAfter(from - 1, part), false);
    return first;
  }

  /** Loads one message that lies in a hole. */
  async one(conversationId: string, seq: number): Promise<void> {
    const timeline = this.at(conversationId);
    const range = { case: 'beforeSeq', value: BigInt(seq + 1) } as const;
    const answer = await this.clients.messages.listMessages({ conversationId, range, limit: 1 });
    this.store(timeline, timeline.fillBefore(seq + 1, page(answer)), false);
  }

  /** Asks again for messages that are here, because a page tells more of them than a frame. */
  async again(conversationId: string, from: number, to: number): Promise<void> {
    const timeline = this.at(conversationId);
    const range = { case: 'afterSeq', value: BigInt(from - 1) } as const;
    const answer = await this.clients.messages.listMessages({ conversationId, range, untilSeq: BigInt(to), limit: PAGE });
    this.store(timeline, timeline.fillAfter(from - 1, page(answer)), false);
  }

  /** Loads the messages just above a seq that lies below a hole. */
  async newer(conversationId: string, after: number): Promise<void> {
    const timeline = this.at(conversationId);
    const range = { case: 'afterSeq', value: BigInt(after) } as const;
    const untilSeq = BigInt(timeline.record.localSeq);
    const answer = await this.clients.messages.listMessages({ conversationId, range, untilSeq, limit: NEWEST });
    this.store(timeline, timeline.fillAfter(after, page(answer)), false);
  }

  /** Asks for a conversation as it is now. */
  async fetch(conversationId: string): Promise<void> {
    const { conversation } = await this.clients.conversations.getConversation({ conversationId });
    if (!conversation) return;
    this.take(conversation);
    await this.pull(conversationId);
  }

  /** Removes what the server does not list any more. */
  async keepOnly(ids: Set<string>): Promise<void> {
    for (const id of [...this.timelines.keys()].filter((one) => !ids.has(one))) {
      this.timelines.delete(id);
      await this.storage.removeConversation(id);
      this.events.changed(id);
    }
  }

  /** Stores a record that was changed from outside. */
  touch(conversationId: string): void {
    const timeline = this.timelines.get(conversationId);
    if (timeline) this.store(timeline, [], false);
  }

  /** Stops all timers and waits until everything is stored. */
  async stop(): Promise<void> {
    this.holeTimers.forEach((timer) => clearTimeout(timer));
    this.holeTimers.clear();
    await this.saver.flush();
  }

  /** Waits until everything so far is stored. */
  saved(): Promise<void> {
    return this.saver.flush();
  }

  private at(conversationId: string): Timeline {
    const known = this.timelines.get(conversationId);
    if (known) return known;
    const made = new Timeline(unknownConversation(conversationId), this.me);
    this.timelines.set(conversationId, made);
    return made;
  }

  private merge(known: Timeline, fresh: Conversation): void {
    const { record } = known;
    record.readOnly = fresh.readOnly;
    record.memberIds = fresh.memberIds;
    record.group = fresh.group && { ...fresh.group, faces: record.group?.faces ?? [] };
    record.createdAt = fresh.createdAt;
    record.activeAt = Math.max(record.activeAt, fresh.activeAt);
    for (const [userId, seq] of Object.entries(fresh.markers)) {
      record.markers[userId] = Math.max(seq, record.markers[userId] ?? 0);
    }
    known.applyHead(fresh.head);
  }

  private async catchUp(timeline: Timeline): Promise<void> {
    const conversationId = timeline.record.id;
    if (timeline.record.head.seq - timeline.record.localSeq > FAR_BEHIND) await this.newest(timeline);
    for (let more = true; more; ) {
      const before = timeline.record.localSeq;
      const range = { case: 'afterSeq', value: BigInt(before) } as const;
      const answer = await this.clients.messages.listMessages({ conversationId, range, limit: PAGE });
      this.store(timeline, timeline.extend(page(answer)), true);
      if (answer.head) timeline.applyHead(toHead(answer.head));
      more = timeline.record.localSeq > before && timeline.record.localSeq < timeline.record.head.seq;
    }
    if (timeline.record.localSeq < timeline.record.head.seq) timeline.recordHole(timeline.record.head.seq);
    await this.changes(timeline);
    await this.hiddenOnes(timeline);
    this.store(timeline, [], false);
  }

  private async newest(timeline: Timeline): Promise<void> {
    const answer = await this.clients.messages.listMessages({ conversationId: timeline.record.id, limit: NEWEST });
    const headSeq = answer.head ? Number(answer.head.seq) : timeline.record.head.seq;
    this.store(timeline, timeline.jump(page(answer), headSeq), true);
    if (answer.head) timeline.applyHead(toHead(answer.head));
  }

  private async changes(timeline: Timeline): Promise<void> {
    const { record } = timeline;
    if (record.head.rev - record.localRev > CHANGES_MOST) {
      // Too many changes to take one by one: forget the old states and load again what is shown.
      timeline.messages.clear();
      record.holes = record.localSeq > 0 ? [{ from: 1, to: record.localSeq }] : [];
      record.localRev = record.head.rev;
      return this.newest(timeline);
    }
    while (record.head.rev > record.localRev) {
      const before = record.localRev;
      const answer = await this.clients.messages.listChanges({ conversationId: record.id, afterRev: BigInt(before), limit: PAGE });
      this.store(timeline, timeline.change(answer.items.map(toPageMessage), Number(answer.upToRev)), false);
      if (record.localRev === before) break;
    }
  }

  private async hiddenOnes({ record }: Timeline): Promise<void> {
    while ((record.head.hiddenRev ?? 0) > (record.localHiddenRev ?? 0)) {
      const before = record.localHiddenRev ?? 0;
      const answer = await this.clients.messages.listHidden({ conversationId: record.id, afterRev: BigInt(before) });
      this.hide(record.id, answer.seqs.map(Number), Number(answer.upToRev));
      if (record.localHiddenRev === before) break;
    }
  }

  // True for a message that tells of a change of the user's own role or membership.
  private movesMe({ system }: ChatMessage): boolean {
    if (!system) return false;
    const { kind, actorId, userIds } = system;
    const own = userIds.includes(this.me);
    return own || (actorId === this.me && (kind === SystemKind.LEFT || kind === SystemKind.ROLE_CHANGED));
  }

  private awaitHole(timeline: Timeline): void {
    const { id } = timeline.record;
    if (this.holeTimers.has(id)) return;
    const timer = setTimeout(() => {
      this.holeTimers.delete(id);
      if (timeline.waits) void this.pull(id);
    }, HOLE_WAIT_MS);
    this.holeTimers.set(id, timer);
  }

  private store(timeline: Timeline, all: ChatMessage[], live: boolean): void {
    const messages = all.filter((one) => !timeline.hides(one.seq));
    if (messages.length > 0) this.events.arrived(messages, live);
    this.saver.save(timeline, messages);
    this.events.changed(timeline.record.id);
  }
}

function page(answer: ListMessagesResponse): Page {
  return {
    items: answer.items.map(toPageMessage),
    gaps: answer.gaps.map(({ from, to, reason }) => ({ from: Number(from), to: Number(to), hidden: reason === GapReason.HIDDEN })),
  };
}
