// SPDX-License-Identifier: Apache-2.0
// Moves the focus between the lines of a history.
import { messages } from './anchor';

/** Follows an arrow, Home or End from a line, or from the history itself. Answers false for all other keys. */
export function move(scroller: HTMLElement, from: HTMLElement, key: string): boolean {
  if (!['ArrowUp', 'ArrowDown', 'Home', 'End'].includes(key)) return false;
  const lines = [...messages(scroller)];
  const target = lines[next(lines, scroller, from, key)];
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: 'nearest' });
  return true;
}

function next(lines: HTMLElement[], scroller: HTMLElement, from: HTMLElement, key: string): number {
  if (key === 'Home') return 0;
  if (key === 'End') return lines.length - 1;
  const step = key === 'ArrowUp' ? -1 : 1;
  const at = lines.indexOf(from);
  if (at >= 0) return Math.min(lines.length - 1, Math.max(0, at + step));
  // From outside: the line of the view that is nearest in the direction of the arrow.
  const view = scroller.getBoundingClientRect();
  const seen = lines.flatMap((line, i) => {
    const box = line.getBoundingClientRect();
    return box.bottom > view.top && box.top < view.bottom ? [i] : [];
  });
  return (step < 0 ? seen.at(-1) : seen[0]) ?? 0;
}
