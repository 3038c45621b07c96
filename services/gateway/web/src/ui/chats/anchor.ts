// SPDX-License-Identifier: Apache-2.0
// Holds the view still: the first visible line stays where it is, whatever happens above or below it.

/** The line at the top of the view and its distance from there in pixels; undefined: the end. */
export interface Anchor {
  key: string;
  offset: number;
}

const AT_END = 8;

/** True if the view shows the end of the content. */
export function atEnd(scroller: HTMLElement): boolean {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < AT_END;
}

/** Notes the first visible line. */
export function note(scroller: HTMLElement): Anchor | undefined {
  const top = scroller.getBoundingClientRect().top;
  for (const line of lines(scroller)) {
    const box = line.getBoundingClientRect();
    if (box.bottom > top) return { key: line.dataset.key!, offset: box.top - top };
  }
  return undefined;
}

/** Puts a noted line back where it was. Answers false if it is not there. */
export function restore(scroller: HTMLElement, anchor: Anchor): boolean {
  const line = [...lines(scroller)].find((one) => one.dataset.key === anchor.key);
  if (!line) return false;
  const moved = line.getBoundingClientRect().top - scroller.getBoundingClientRect().top - anchor.offset;
  if (Math.abs(moved) >= 0.5) scroller.scrollTop += moved;
  return true;
}

/** The highest seq whose line is wholly in view, or fills the view. */
export function highestSeen(scroller: HTMLElement): number | undefined {
  const view = scroller.getBoundingClientRect();
  let seen: number | undefined;
  for (const line of lines(scroller)) {
    const seq = Number(line.dataset.seq ?? 0);
    if (seq === 0) continue;
    const box = line.getBoundingClientRect();
    if (box.top > view.bottom) break;
    if (box.bottom <= view.bottom + 2 || (box.top <= view.top && box.bottom >= view.bottom)) seen = seq;
  }
  return seen;
}

function lines(scroller: HTMLElement): NodeListOf<HTMLElement> {
  return scroller.querySelectorAll<HTMLElement>('[data-key]');
}
