// SPDX-License-Identifier: Apache-2.0
import type { ClientKind } from './connection';

const SEEN_MS = 500;
const PER_CONVERSATION_MS = 1_000;
const ACK_LATEST_MS = 5_000;
const ACK_MESSAGES = 100;
const ACK_POSITIONS = 200;

/** ReadMarkers moves the own marker: after 500 ms on screen, at most once a second per conversation. */
export class ReadMarkers {
  private readonly pending = new Map<string, number>();
  private readonly limits = new Map<string, ReturnType<typeof setTimeout>>();
  private sight: { id: string; seq: number; timer: ReturnType<typeof setTimeout> } | undefined;

  constructor(
    /** Moves the marker here; answers false if it stands there already. */
    private readonly moved: (conversationId: string, seq: number) => boolean,
    /** Tells the server; answers false if it cannot be told now. */
    private readonly tell: (kind: ClientKind) => boolean,
  ) {}

  /** The highest seq on screen in a focused window. Undefined: nothing is looked at. */
  look(conversationId: string, seq: number | undefined): void {
    if (this.sight && this.sight.id === conversationId && this.sight.seq === seq) return;
    clearTimeout(this.sight?.timer);
    this.sight = undefined;
    if (seq === undefined) return;
    const timer = setTimeout(() => this.read(conversationId, seq), SEEN_MS);
    this.sight = { id: conversationId, seq, timer };
  }

  /** Marks as read now. */
  read(conversationId: string, seq: number): void {
    if (!this.moved(conversationId, seq)) return;
    this.pending.set(conversationId, Math.max(seq, this.pending.get(conversationId) ?? 0));
    this.flush(conversationId);
  }

  /** The connection is back: tell what could not be told. */
  resume(): void {
    for (const id of this.pending.keys()) this.flush(id);
  }

  /** Tells a marker again that the server does not know yet. */
  owe(conversationId: string, seq: number): void {
    this.pending.set(conversationId, Math.max(seq, this.pending.get(conversationId) ?? 0));
    this.flush(conversationId);
  }

  /** Stops all timers. */
  stop(): void {
    clearTimeout(this.sight?.timer);
    this.sight = undefined;
    this.limits.forEach((timer) => clearTimeout(timer));
    this.limits.clear();
    this.pending.clear();
  }

  private flush(id: string): void {
    const seq = this.pending.get(id);
    if (seq === undefined || this.limits.has(id)) return;
    if (!this.tell({ case: 'read', value: { conversationId: id, seq: BigInt(seq) } })) return;
    this.pending.delete(id);
    this.limits.set(
      id,
      setTimeout(() => {
        this.limits.delete(id);
        this.flush(id);
      }, PER_CONVERSATION_MS),
    );
  }
}

/** Acks says what this device has stored: bundled, after 5 s or 100 messages at the latest. */
export class Acks {
  private readonly positions = new Map<string, number>();
  private messages = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly tell: (kind: ClientKind) => boolean) {}

  /** Everything of a conversation is stored up to seq. */
  stored(conversationId: string, seq: number, messages: number): void {
    if (seq <= 0) return;
    this.positions.set(conversationId, seq);
    this.messages += messages;
    if (this.messages >= ACK_MESSAGES) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), ACK_LATEST_MS);
  }

  /** Stops the timer; what was not said is not said. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private flush(): void {
    this.stop();
    this.messages = 0;
    const all = [...this.positions].map(([conversationId, seq]) => ({ conversationId, seq: BigInt(seq) }));
    for (let i = 0; i < all.length; i += ACK_POSITIONS) {
      if (!this.tell({ case: 'ack', value: { positions: all.slice(i, i + ACK_POSITIONS) } })) return;
    }
    this.positions.clear();
  }
}
