// SPDX-License-Identifier: Apache-2.0
// Holds the view still: the first visible message stays where it is, whatever happens above or below it.
import type { Anchor } from '../../lib/state/conversation.svelte';

const AT_END = 8;

/** True if the view shows the end of the content. */
export function atEnd(scroller: HTMLElement): boolean {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < AT_END;
}

/** Notes the first visible message. */
export function note(scroller: HTMLElement): Anchor | undefined {
  const view = scroller.getBoundingClientRect();
  for (const line of messages(scroller)) {
    const box = line.getBoundingClientRect();
    if (box.bottom <= view.top) continue;
    // Its end is held: what stands above it changes with what comes before it. One that fills the view has no end there.
    const edge = box.bottom <= view.bottom ? 'bottom' : 'top';
    return { key: line.dataset.key!, edge, offset: box[edge] - view.top };
  }
  return undefined;
}

/** Puts a noted message back where it was. Answers false if it is not there. */
export function restore(scroller: HTMLElement, { key, edge, offset }: Anchor): boolean {
  const line = [...messages(scroller)].find((one) => one.dataset.key === key);
  if (!line) return false;
  const moved = line.getBoundingClientRect()[edge] - scroller.getBoundingClientRect().top - offset;
  if (Math.abs(moved) >= 0.5) scroller.scrollTop += moved;
  return true;
}

/** The highest seq whose line is wholly in view, or fills the view. */
export function highestSeen(scroller: HTMLElement): number | undefined {
  const view = scroller.getBoundingClientRect();
  let seen: number | undefined;
  for (const line of messages(scroller)) {
    const seq = Number(line.dataset.seq ?? 0);
    if (seq === 0) continue;
    const box = line.getBoundingClientRect();
    if (box.top > view.bottom) break;
    if (box.bottom <= view.bottom + 2 || (box.top <= view.top && box.bottom >= view.bottom)) seen = seq;
  }
  return seen;
}

/** All messages, which can have the focus. Days and other lines between them come and go with what stands beside them. */
export function messages(scroller: HTMLElement): NodeListOf<HTMLElement> {
  return scroller.querySelectorAll<HTMLElement>('[data-key][tabindex]');
}
