// SPDX-License-Identifier: Apache-2.0
import type { Summary } from '../../lib/state/summary';

/** The next conversation in the list, up or down; only unread ones if that is asked. */
export function neighbour(list: readonly Summary[], opened: string | undefined, step: 1 | -1, unreadOnly: boolean): string | undefined {
  const at = list.findIndex((one) => one.id === opened);
  if (at < 0) return (step > 0 ? list : [...list].reverse()).find((one) => !unreadOnly || one.unread > 0)?.id;
  for (let i = at + step; i >= 0 && i < list.length; i += step) {
    if (!unreadOnly || list[i]!.unread > 0) return list[i]!.id;
  }
  return undefined;
}

/** True if an Enter key belongs to an input method: it confirms a candidate and never sends. */
export function composing(event: Pick<KeyboardEvent, 'isComposing' | 'keyCode'>): boolean {
  // Safari ends the composition before the key event and then says only keyCode 229.
  return event.isComposing || event.keyCode === 229;
}
