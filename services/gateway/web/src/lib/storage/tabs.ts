// SPDX-License-Identifier: Apache-2.0
// What the tabs of one browser tell each other.
import type { Draft } from '../protocol/model';

/** One note from tab to tab. */
export type Note = { kind: 'signed-out' } | { kind: 'signed-in' } | { kind: 'draft'; userId: string; draft: Draft };

const CHANNEL = 'parley';
const LOCK = 'parley-instance-';

/** Tabs connects this tab with the others; without support for it every tab is alone. */
export class Tabs {
  private readonly channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(CHANNEL);

  constructor(listen: (note: Note) => void) {
    if (this.channel) this.channel.onmessage = (event: MessageEvent<Note>) => listen(event.data);
  }

  tell(note: Note): void {
    this.channel?.postMessage(note);
  }
}

/** Shows other tabs, for as long as this page lives, that this running copy is there. */
export function holdInstance(instanceId: string): void {
  if (!navigator.locks) return;
  void navigator.locks.request(LOCK + instanceId, () => new Promise<void>(() => {})).catch(() => undefined);
}

/** True if a running copy is there; false where this cannot be known. */
export async function instanceLives(instanceId: string): Promise<boolean> {
  if (!navigator.locks) return false;
  const { held } = await navigator.locks.query();
  return held?.some((lock) => lock.name === LOCK + instanceId) ?? false;
}
