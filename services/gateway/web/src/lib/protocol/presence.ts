// SPDX-License-Identifier: Apache-2.0
import { PresenceState, type Presence as WirePresence } from '../../gen/parley/gateway/v1/frame_pb';
import type { ClientKind } from './connection';

/** Most people who can be watched at a time. */
export const WATCH_MOST = 200;
// A list that is scrolled changes what is visible many times a second.
const SETTLE_MS = 250;

/** How a person is. */
export interface Known {
  state: 'online' | 'away' | 'offline';
  /** When they used a device last, ms; 0 if that is not known. */
  lastActiveAt: number;
}

const STATES: Partial<Record<PresenceState, Known['state']>> = {
  [PresenceState.ONLINE]: 'online',
  [PresenceState.AWAY]: 'away',
  [PresenceState.OFFLINE]: 'offline',
};

/** Presence follows how exactly the visible people are. Of who is not watched now nothing is known. */
export class Presence {
  private readonly states = new Map<string, Known>();
  private wanted: string[] = [];
  /** Whom the connection was asked for last. What it tells of them counts, whoever is visible just then. */
  private asked: string[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly tell: (kind: ClientKind) => boolean,
    private readonly changed: (userId: string, known: Known | undefined) => void,
  ) {}

  /** Follows these people and nobody else. */
  watch(userIds: Iterable<string>): void {
    this.wanted = [...new Set(userIds)].slice(0, WATCH_MOST).sort();
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.send();
    }, SETTLE_MS);
  }

  /** A connection took over that was asked for nothing yet. */
  connected(): void {
    this.asked = [];
    if (this.wanted.length > 0) this.send();
  }

  /** Without a connection nobody knows how people are. */
  lost(): void {
    this.asked = [];
    for (const id of [...this.states.keys()]) this.set(id, undefined);
  }

  /** Takes what the server told. */
  take({ items }: WirePresence): void {
    for (const { userId, state, lastActiveAt } of items) {
      if (!this.asked.includes(userId)) continue;
      const known = STATES[state];
      this.set(userId, known && { state: known, lastActiveAt: Number(lastActiveAt) });
    }
  }

  /** Stops the timer. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private send(): void {
    for (const id of [...this.states.keys()]) if (!this.wanted.includes(id)) this.set(id, undefined);
    const same = this.wanted.join(' ') === this.asked.join(' ');
    if (!same && this.tell({ case: 'watch', value: { userIds: this.wanted } })) this.asked = this.wanted;
  }

  private set(userId: string, known: Known | undefined): void {
    if (known) this.states.set(userId, known);
    else this.states.delete(userId);
    this.changed(userId, known);
  }
}
