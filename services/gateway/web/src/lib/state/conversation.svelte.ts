// SPDX-License-Identifier: Apache-2.0
import type { Chat } from '../protocol/chat';
import type { ChatMessage, Group } from '../protocol/model';
import { find } from '../protocol/ranges';
import type { Timeline } from '../protocol/timeline';
import { mentionedIn } from '../text/mentions';
import { mayEdit } from './allowed';
import { quote, rows, type MessageRow, type Quote, type Row, type Window } from './rows';
import { peerOf } from './summary';

/** Most messages that are in the page at a time. */
export const WINDOW = 150;
const STEP = 50;
const CONTEXT = 20;
const RETRY_MS = 3_000;

/** A message and where in the view one of its edges stands, in pixels from the top of the view. */
export interface Anchor {
  key: string;
  edge: 'top' | 'bottom';
  offset: number;
}

/** Where a conversation was left. */
export interface Place {
  window: Window;
  /** The first visible message; absent at the end. */
  anchor?: Anchor;
}

/** ConversationView is the open conversation: a window onto its history that moves as the user scrolls. */
export class ConversationView {
  rows = $state.raw<Row[]>([]);
  readOnly = $state(false);
  /** Who types now. */
  typists = $state.raw<string[]>([]);
  /** Set for a group only. */
  group = $state.raw<Group | undefined>();
  peerId = $state('');
  /** Messages of others that came in below the window or the view. */
  below = $state(0);
  loading = $state<'older' | 'newer' | undefined>();
  failed = $state<'older' | 'newer' | undefined>();
  /** True when the first message of all is shown. */
  begins = $state(false);
  /** True when the window ends with the conversation. */
  ends = $state(true);
  place: Place;
  private newFrom = 0;
  private readonly sought = new Set<number>();
  private readonly asked = new Set<number>();
  private seenHead: number;
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly chat: Chat,
    private readonly timeline: Timeline,
    private readonly me: string,
    place: Place | undefined,
  ) {
    const { head } = timeline.record;
    this.seenHead = head.seq;
    if (head.unread > 0) this.newFrom = this.firstUnread();
    this.place = place ?? { window: this.landing() };
    this.refresh();
  }

  get id(): string {
    return this.timeline.record.id;
  }

  /** True if the view should land on the line between read and unread. */
  get landsOnNew(): boolean {
    return this.newFrom > 0 && !this.place.anchor;
  }

  /** Makes the lines anew after something changed. */
  refresh(): void {
    const { record } = this.timeline;
    this.readOnly = record.readOnly;
    this.peerId = peerOf(this.timeline, this.me);
    this.typists = this.chat.typingIn.in(record.id);
    this.group = record.group && { ...record.group };
    this.fit();
    this.noteNew();
    const { from, to } = this.place.window;
    this.rows = rows(this.timeline, { from, to }, this.chat.unsent(record.id), this.me, this.newFrom);
    this.seekOriginals();
    this.seekSources();
    this.begins = from <= 1;
    this.ends = to >= record.localSeq;
  }

  /** Moves the window towards older messages, and loads them where they are missing. */
  async older(): Promise<void> {
    const { window } = this.place;
    const start = this.timeline.startOf(window.from);
    if (start > window.from) return this.newer();
    if (start < window.from) {
      const from = Math.max(start, window.from - STEP);
      const last = Math.min(window.to, this.timeline.record.localSeq);
      this.setWindow({ from, to: last - from >= WINDOW ? from + WINDOW - 1 : window.to });
    } else if (window.from > 1) {
      await this.load('older', () => this.chat.replica.older(this.id, window.from));
    }
  }

  /** Moves the window towards newer messages, and loads them where they are missing. */
  async newer(): Promise<void> {
    const { window } = this.place;
    const { localSeq } = this.timeline.record;
    if (window.to >= localSeq) return;
    const end = this.timeline.endOf(window.from);
    if (window.to < end) {
      const to = Math.min(end, window.to + STEP);
      this.setWindow({ from: Math.max(window.from, Math.min(to, localSeq) - WINDOW + 1), to });
    } else {
      await this.load('newer', () => this.chat.replica.newer(this.id, window.to));
    }
  }

  /** Shows a message and what stands around it. Answers false if it cannot be had. */
  async around(seq: number): Promise<boolean> {
    const { record, messages } = this.timeline;
    if (!messages.has(seq) && find(record.holes, seq)) await this.load('older', () => this.chat.replica.older(this.id, seq + 1));
    if (!messages.has(seq)) return false;
    const shown = this.rows.some((row) => 'seq' in row && row.seq === seq);
    if (shown) return true;
    const from = Math.max(this.timeline.startOf(seq), seq - CONTEXT);
    this.setWindow({ from, to: Math.min(this.timeline.endOf(seq), from + WINDOW - 1) });
    return true;
  }

  /** Everybody whom the lines name. */
  named(): string[] {
    const all = this.rows.flatMap((row) => {
      if (row.kind === 'message') return [row.senderId, row.reply?.senderId ?? '', row.source?.senderId ?? '', ...mentionedIn(row.text ?? ''), ...mentionedIn(row.reply?.text ?? ''), ...row.reactions.flatMap((one) => one.userIds)];
      if (row.kind === 'recalled') return [row.senderId, row.by];
      return row.kind === 'system' ? [row.system.actorId, ...row.system.userIds] : [];
    });
    return [...new Set(all)].filter((id) => id !== '');
  }

  /** What is shown of a message that is being answered. */
  quote(seq: number): Quote | undefined {
    return quote(this.timeline, { seq });
  }

  /** Shows the end of the conversation. */
  toEnd(): void {
    this.below = 0;
    this.setWindow({ from: this.endFrom(), to: Infinity });
  }

  /** The highest message that is on screen in a focused window; undefined if nobody looks. */
  look(seq: number | undefined): void {
    this.chat.markers.look(this.id, seq);
    if (seq !== undefined && seq >= this.timeline.record.head.seq) this.below = 0;
  }

  /** The newest own message that can be edited; undefined if there is none. */
  lastEditable(): MessageRow | undefined {
    const now = this.chat.now();
    const own = this.rows.filter((row): row is MessageRow => row.kind === 'message' && mayEdit(row, now) === 'yes');
    return own.at(-1);
  }

  /** Takes the line "new" away, as after writing. */
  forgetNew(): void {
    this.newFrom = 0;
    this.refresh();
  }

  /** Says that nobody looks any more. */
  leave(): void {
    clearTimeout(this.retry);
    this.look(undefined);
    this.chat.typingOut.stop();
  }

  // A frame tells only where the original of an answer stands: if it is not here, it is asked for, once.
  private seekOriginals(): void {
    for (const row of this.rows) {
      if (row.kind !== 'message' || !row.reply || row.reply.senderId !== '' || this.sought.has(row.reply.seq)) continue;
      const { seq } = row.reply;
      this.sought.add(seq);
      if (find(this.timeline.record.holes, seq)) void this.chat.replica.one(this.id, seq).catch(() => this.sought.delete(seq));
    }
  }

  // Neither does it tell where a text was copied from: a page does, once for all that are shown.
  private seekSources(): void {
    const open = this.rows.flatMap((row) => {
      return row.kind === 'message' && row.forwarded && row.source === undefined && row.seq > 0 && !this.asked.has(row.seq) ? [row.seq] : [];
    });
    if (open.length === 0) return;
    open.forEach((seq) => this.asked.add(seq));
    void this.chat.replica.again(this.id, open[0]!, open.at(-1)!).catch(() => open.forEach((seq) => this.asked.delete(seq)));
  }

  private setWindow(window: Window): void {
    this.place.window = window;
    this.refresh();
  }

  // Keeps the window inside one stretch without holes; where that is empty, it loads what is missing.
  private fit(): void {
    const { record } = this.timeline;
    const { window } = this.place;
    if (window.to !== Infinity) {
      window.to = Math.min(window.to, this.timeline.endOf(window.from));
      if (window.to < window.from) {
        window.to = window.from - 1;
        void this.newer();
      } else if (window.to >= record.localSeq) window.to = Infinity;
      return;
    }
    const start = this.timeline.startOf(record.localSeq);
    if (start > record.localSeq && record.localSeq > 0) void this.fillEnd();
    window.from = Math.max(1, start, Math.min(window.from, record.localSeq + 1), record.localSeq - WINDOW + 1);
  }

  // What goes on already, or waits to be tried again, makes the lines anew by itself.
  private async fillEnd(): Promise<void> {
    if (this.loading || this.failed) return;
    await this.load('older', () => this.chat.replica.older(this.id, this.timeline.record.localSeq + 1));
    if (!this.failed && this.place.window.to === Infinity) this.place.window.from = this.endFrom();
    this.refresh();
  }

  private async load(side: 'older' | 'newer', work: () => Promise<void>): Promise<void> {
    if (this.loading || this.failed) return;
    this.loading = side;
    try {
      await work();
      this.loading = undefined;
      const { from, to } = this.place.window;
      // What came in lies beside the window now: move it there, unless it is in it already.
      if (side === 'older' && this.timeline.startOf(from) < from) await this.older();
      else if (side === 'newer' && to !== Infinity && this.timeline.endOf(from) > to) await this.newer();
      else this.refresh();
    } catch {
      this.failed = side;
      this.retry = setTimeout(() => {
        this.failed = undefined;
        this.refresh();
      }, RETRY_MS);
    } finally {
      this.loading = undefined;
    }
  }

  private noteNew(): void {
    const { head } = this.timeline.record;
    for (let seq = this.seenHead + 1; seq <= head.seq; seq++) {
      const message = this.timeline.messages.get(seq);
      if (message && this.counts(message)) this.below++;
    }
    this.seenHead = Math.max(this.seenHead, head.seq);
  }

  private firstUnread(): number {
    const { head, localSeq } = this.timeline.record;
    for (let seq = head.readSeq + 1; seq <= localSeq; seq++) {
      const message = this.timeline.messages.get(seq);
      if (message && this.counts(message)) return seq;
      if (!message && find(this.timeline.record.holes, seq)) return seq;
    }
    return 0;
  }

  private counts(message: ChatMessage): boolean {
    return message.senderId !== this.me && !message.recalled && !message.system;
  }

  private landing(): Window {
    const { localSeq } = this.timeline.record;
    if (this.newFrom === 0 || localSeq - this.newFrom < WINDOW - CONTEXT) return { from: this.endFrom(), to: Infinity };
    const from = Math.max(1, this.newFrom - CONTEXT);
    return { from, to: from + WINDOW - 1 };
  }

  private endFrom(): number {
    const { localSeq } = this.timeline.record;
    return Math.max(1, this.timeline.startOf(localSeq), localSeq - STEP * 2 + 1);
  }
}
