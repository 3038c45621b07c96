// SPDX-License-Identifier: Apache-2.0
import { emptyHead } from './convert';
import type { ChatMessage, Conversation, Head, Range, Reply } from './model';
import * as ranges from './ranges';

const ASIDE_MOST = 200;
const UNREAD_MOST = 999;

/** A part of history as ListMessages answered it. */
export interface Page {
  items: ChatMessage[];
  gaps: Gap[];
}

/** A range that is not shown. */
export interface Gap extends Range {
  /** True if the user hid it. */
  hidden?: boolean;
}

/**
 * Timeline keeps one conversation in order: what is stored, what is missing and why, and what is
 * unread. It does no input or output; whoever changes it stores the record and the messages.
 */
export class Timeline {
  readonly messages = new Map<number, ChatMessage>();
  private readonly aside = new Map<number, ChatMessage>();

  constructor(
    readonly record: Conversation,
    private readonly me: string,
    stored: Iterable<ChatMessage> = [],
  ) {
    for (const message of stored) if (!this.hides(message.seq)) this.messages.set(message.seq, message);
  }

  /** True once the server has told what this conversation is. */
  get known(): boolean {
    return this.record.memberIds.length > 0 || this.record.group !== undefined;
  }

  /** True when a message waits for one before it. */
  get waits(): boolean {
    return this.aside.size > 0;
  }

  /** True when the server has messages or changes that are not here, recorded holes left out. */
  get behind(): boolean {
    const { head, localSeq, localRev } = this.record;
    return head.seq > localSeq || head.rev > localRev || this.waits || this.missesHidden(head);
  }

  /** Takes a pushed message. Answers what is stored by it, in order: nothing if it must wait. */
  accept(message: ChatMessage): ChatMessage[] {
    if (message.seq > this.record.head.seq) this.grow(message);
    if (message.seq <= this.record.localSeq) return this.late(message);
    if (message.seq > this.record.localSeq + 1) {
      const held = this.aside.get(message.seq);
      if (held ? held.rev < message.rev : this.aside.size < ASIDE_MOST) this.aside.set(message.seq, message);
      return [];
    }
    return [this.append(message), ...this.drain()];
  }

  /** Takes a page that was asked for with afterSeq = localSeq. */
  extend(page: Page): ChatMessage[] {
    const stored: ChatMessage[] = [];
    const gaps = [...page.gaps].sort((a, b) => a.from - b.from);
    for (const message of page.items) {
      while (gaps[0] && gaps[0].from < message.seq) this.pass(gaps.shift()!);
      if (message.seq > this.record.head.seq) this.grow(message);
      if (message.seq === this.record.localSeq + 1) stored.push(this.append(message));
    }
    gaps.forEach((gap) => this.pass(gap));
    return [...stored, ...this.drain()];
  }

  /** Takes a page that ends just below `before`: it fills holes there. */
  fillBefore(before: number, page: Page): ChatMessage[] {
    const lowest = Math.min(...page.items.map((item) => item.seq), ...page.gaps.map((gap) => gap.from), before);
    const from = lowest === before ? 1 : lowest;
    this.record.holes = ranges.remove(this.record.holes, { from, to: before - 1 });
    page.gaps.forEach((gap) => this.leaveOut(gap));
    return page.items.map((item) => this.keep(item));
  }

  /** Takes the newest page of a conversation that is far behind; what lies between becomes a hole. */
  jump(page: Page, headSeq: number): ChatMessage[] {
    const lowest = Math.min(...page.items.map((item) => item.seq), ...page.gaps.map((gap) => gap.from), headSeq + 1);
    this.recordHole(lowest - 1);
    page.gaps.forEach((gap) => this.leaveOut(gap));
    const stored = page.items.map((item) => this.keep(item));
    for (const item of stored) if (item.seq > this.record.head.seq) this.grow(item);
    this.record.localSeq = Math.max(this.record.localSeq, headSeq);
    return [...stored, ...this.drain()];
  }

  /** Says honestly that everything above localSeq up to this seq is missing. */
  recordHole(to: number): void {
    if (to <= this.record.localSeq) return;
    this.record.holes = ranges.add(this.record.holes, { from: this.record.localSeq + 1, to });
    this.record.localSeq = to;
    for (const seq of [...this.aside.keys()]) {
      if (seq > to) continue;
      this.keep(this.aside.get(seq)!);
      this.aside.delete(seq);
    }
    this.drain();
  }

  /** Takes changed messages. A copy with a lower rev than the stored one changes nothing. */
  change(items: ChatMessage[], upToRev: number): ChatMessage[] {
    const { record } = this;
    record.localRev = Math.max(record.localRev, upToRev);
    const stored = items.flatMap((item) => {
      if (item.seq > record.localSeq) return this.accept(item);
      return this.messages.has(item.seq) || ranges.find(record.holes, item.seq) ? [this.keep(item)] : [];
    });
    if (this.countable) this.recount();
    return stored;
  }

  /** Takes one change in its turn. Answers what is stored by it, or undefined if changes before it are missing. */
  follow(message: ChatMessage): ChatMessage[] | undefined {
    const { record } = this;
    if (message.rev <= record.localRev) return [];
    const fresh = message.rev > record.head.rev;
    record.head.rev = Math.max(record.head.rev, message.rev);
    if (message.rev > record.localRev + 1) return undefined;
    record.localRev = message.rev;
    const held = this.messages.get(message.seq) ?? this.aside.get(message.seq);
    const counted = message.seq > record.head.readSeq && message.seq <= record.head.seq && message.senderId !== this.me;
    if (fresh && message.recalled && counted && !held?.recalled) record.head.unread = Math.max(0, record.head.unread - 1);
    // A change may overtake its message: it says all that the message says.
    const stored = this.accept(message);
    if (this.countable) this.recount();
    return stored;
  }

  /** Takes a head with the user's own numbers. */
  applyHead(head: Head): void {
    const own = this.record.head;
    if (this.record.group) this.record.group.left = head.left === true;
    const readSeq = Math.max(own.readSeq, head.readSeq);
    const unread = head.seq < own.seq ? head.unread + this.othersAbove(head.seq) : head.unread;
    this.record.head = {
      ...own,
      seq: Math.max(own.seq, head.seq),
      rev: Math.max(own.rev, head.rev),
      membersRev: Math.max(own.membersRev, head.membersRev),
      readSeq,
      unread: Math.min(UNREAD_MOST, unread),
      mentions: head.seq < own.seq ? own.mentions : head.mentions,
      hiddenRev: Math.max(own.hiddenRev ?? 0, head.hiddenRev ?? 0),
    };
    if (readSeq > head.readSeq || (head.rev < own.rev && this.countable)) this.recount();
  }

  /** Takes a head without the user's own numbers, as a pong carries it. */
  announce(head: Head): boolean {
    const { localSeq, localRev } = this.record;
    return head.seq > localSeq || head.rev > localRev || this.missesHidden(head);
  }

  /** Takes out what the user hid. Up to rev all of it is known then; without it that is as it was. */
  hide(seqs: readonly number[], rev = 0): void {
    const { record } = this;
    for (const seq of seqs) {
      const held = this.messages.get(seq) ?? this.aside.get(seq);
      this.leaveOut({ from: seq, to: seq, hidden: true });
      if (!held || seq <= record.head.readSeq || seq > record.head.seq || this.countable) continue;
      if (this.counts(held)) record.head.unread = Math.max(0, record.head.unread - 1);
      if (this.mentions(held)) record.head.mentions = Math.max(0, (record.head.mentions ?? 0) - 1);
    }
    record.localHiddenRev = Math.max(rev, record.localHiddenRev ?? 0);
    if (this.countable) this.recount();
  }

  /** True if the user hid the message. */
  hides(seq: number): boolean {
    return ranges.find(this.record.hidden ?? [], seq) !== undefined;
  }

  private missesHidden(head: Head): boolean {
    return (head.hiddenRev ?? 0) > (this.record.localHiddenRev ?? 0);
  }

  /** Moves the own marker up. Answers false if nothing changed. */
  read(seq: number): boolean {
    const { head } = this.record;
    const target = Math.min(seq, head.seq);
    if (target <= head.readSeq) return false;
    head.readSeq = target;
    this.record.markers[this.me] = target;
    this.recount();
    return true;
  }

  /** True if the unread number can be counted here, so that nobody has to be asked. */
  get countable(): boolean {
    const { head, localSeq, localRev, holes } = this.record;
    return localSeq >= head.seq && localRev >= head.rev && ranges.countAbove(holes, head.readSeq) === 0;
  }

  /** The lowest seq from which everything up to `seq` is here; above `seq` if that one is missing. */
  startOf(seq: number): number {
    const below = this.record.holes.filter((hole) => hole.from <= seq);
    return below.length ? Math.max(...below.map((hole) => hole.to)) + 1 : 1;
  }

  /** The highest seq up to which everything from `seq` on is here; Infinity if that is the end, below `seq` if that one is missing. */
  endOf(seq: number): number {
    const above = this.record.holes.filter((hole) => hole.to >= seq);
    return above.length ? Math.min(...above.map((hole) => hole.from)) - 1 : Infinity;
  }

  /** Takes a page that starts just above `after`: it fills a hole there. */
  fillAfter(after: number, page: Page): ChatMessage[] {
    const highest = Math.max(...page.items.map((item) => item.seq), ...page.gaps.map((gap) => gap.to), after);
    this.record.holes = ranges.remove(this.record.holes, { from: after + 1, to: highest });
    page.gaps.forEach((gap) => this.leaveOut(gap));
    return page.items.filter((item) => item.seq <= this.record.localSeq).map((item) => this.keep(item));
  }

  private recount(): void {
    const { head, holes } = this.record;
    head.mentions = head.readSeq >= head.seq ? 0 : this.countable ? this.mentionsAbove(head.readSeq) : head.mentions;
    if (head.readSeq >= head.seq) head.unread = 0;
    else {
      const known = this.othersAbove(head.readSeq);
      const most = known + ranges.countAbove(holes, head.readSeq) + Math.max(0, head.seq - this.record.localSeq - this.aside.size);
      head.unread = Math.min(UNREAD_MOST, this.countable ? known : Math.min(head.unread, most));
    }
  }

  private counts(message: ChatMessage): boolean {
    return message.senderId !== this.me && !message.recalled && !message.system;
  }

  private mentions(message: ChatMessage): boolean {
    return this.counts(message) && (message.mentionsAll === true || message.mentionIds?.includes(this.me) === true);
  }

  private mentionsAbove(seq: number): number {
    return [...this.messages.values()].filter((message) => message.seq > seq && this.mentions(message)).length;
  }

  private othersAbove(seq: number): number {
    let count = 0;
    for (const held of [this.messages, this.aside]) {
      for (const message of held.values()) if (message.seq > seq && this.counts(message)) count++;
    }
    return count;
  }

  private grow(message: ChatMessage): void {
    const { head } = this.record;
    head.seq = message.seq;
    this.record.activeAt = Math.max(this.record.activeAt, message.sentAt);
    if (this.mentions(message)) head.mentions = (head.mentions ?? 0) + 1;
    if (this.counts(message)) head.unread = Math.min(UNREAD_MOST, head.unread + 1);
    else if (message.senderId === this.me) {
      head.readSeq = message.seq;
      head.unread = 0;
    }
  }

  private late(message: ChatMessage): ChatMessage[] {
    const held = this.messages.get(message.seq);
    if (held ? message.rev <= held.rev : !ranges.find(this.record.holes, message.seq)) return [];
    return [this.keep(message)];
  }

  private append(message: ChatMessage): ChatMessage {
    const aside = this.aside.get(message.seq);
    this.record.localSeq = message.seq;
    this.aside.delete(message.seq);
    return this.keep(aside && aside.rev > message.rev ? aside : message);
  }

  private leaveOut({ from, to, hidden }: Gap): void {
    if (!hidden) {
      this.record.gaps = ranges.add(this.record.gaps, { from, to });
      return;
    }
    this.record.hidden = ranges.add(this.record.hidden ?? [], { from, to });
    for (let seq = from; seq <= to; seq++) this.messages.delete(seq);
  }

  // What the user hid goes its way through the order, and is not kept.
  private keep(message: ChatMessage): ChatMessage {
    this.record.activeAt = Math.max(this.record.activeAt, message.sentAt);
    if (this.hides(message.seq)) {
      this.record.holes = ranges.remove(this.record.holes, { from: message.seq, to: message.seq });
      return message;
    }
    const held = this.messages.get(message.seq);
    const newest = held && held.rev > message.rev ? held : { ...message, replyTo: fuller(message.replyTo, held?.replyTo), source: message.source === undefined ? held?.source : message.source };
    this.messages.set(message.seq, newest);
    // Who writes has read up to there.
    const { markers } = this.record;
    markers[message.senderId] = Math.max(message.seq, markers[message.senderId] ?? 0);
    this.record.holes = ranges.remove(this.record.holes, { from: message.seq, to: message.seq });
    return newest;
  }

  private pass(gap: Gap): void {
    this.leaveOut(gap);
    if (gap.from <= this.record.localSeq + 1) this.record.localSeq = Math.max(this.record.localSeq, gap.to);
  }

  private drain(): ChatMessage[] {
    const stored: ChatMessage[] = [];
    for (const seq of this.aside.keys()) if (seq <= this.record.localSeq) this.aside.delete(seq);
    for (let next; (next = this.aside.get(this.record.localSeq + 1)); ) stored.push(this.append(next));
    return stored;
  }
}

// Frames tell only the position of what is answered: what a page told before stays.
function fuller(fresh: Reply | undefined, known: Reply | undefined): Reply | undefined {
  return fresh && !fresh.senderId && known?.senderId ? known : fresh;
}

/** A conversation of which only the id is known. */
export function unknownConversation(id: string): Conversation {
  return {
    id,
    readOnly: false,
    memberIds: [],
    createdAt: 0,
    activeAt: 0,
    head: emptyHead(id),
    markers: {},
    localSeq: 0,
    localRev: 0,
    holes: [],
    gaps: [],
  };
}
