// SPDX-License-Identifier: Apache-2.0
import { TypingState } from '../../gen/parley/gateway/v1/frame_pb';

const REPEAT_MS = 4_000;
const REST_MS = 5_000;
const SHOWN_MS = 6_000;

/** TypingOut tells the others that this user types: on the first key, every 4 s, and when it ends. */
export class TypingOut {
  private conversationId = '';
  private lastStarted = 0;
  private rest: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly tell: (conversationId: string, state: TypingState) => void) {}

  /** A key changed the text of a conversation. */
  key(conversationId: string): void {
    if (this.conversationId !== conversationId) this.stop();
    const now = Date.now();
    if (this.conversationId === '' || now - this.lastStarted >= REPEAT_MS) {
      this.conversationId = conversationId;
      this.lastStarted = now;
      this.tell(conversationId, TypingState.STARTED);
    }
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.stop(), REST_MS);
  }

  /** The text was sent, cleared or left. */
  stop(): void {
    clearTimeout(this.rest);
    if (this.conversationId === '') return;
    this.tell(this.conversationId, TypingState.STOPPED);
    this.conversationId = '';
  }

  /** The text was sent: the message itself says that typing ended. */
  sent(): void {
    this.stop();
  }
}

/** TypingIn knows who types where; nobody is shown for longer than 6 s without news. */
export class TypingIn {
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private readonly changed: (conversationId: string) => void) {}

  /** Takes what a frame said. */
  take(conversationId: string, userId: string, state: TypingState): void {
    const key = `${conversationId} ${userId}`;
    clearTimeout(this.timers.get(key));
    if (state === TypingState.STARTED) this.timers.set(key, setTimeout(() => this.end(conversationId, userId), SHOWN_MS));
    else this.timers.delete(key);
    this.changed(conversationId);
  }

  /** A message of a person arrived, or the time is up. */
  end(conversationId: string, userId: string): void {
    const key = `${conversationId} ${userId}`;
    if (!this.timers.has(key)) return;
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    this.changed(conversationId);
  }

  /** Who types in a conversation now. */
  in(conversationId: string): string[] {
    const prefix = `${conversationId} `;
    return [...this.timers.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  }

  /** Forgets all. */
  clear(): void {
    this.timers.forEach((timer) => clearTimeout(timer));
    this.timers.clear();
  }
}
