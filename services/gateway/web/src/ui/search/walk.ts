// SPDX-License-Identifier: Apache-2.0

/** Moves the focus between the field and what was found. Answers false if the key does nothing here. */
export function walk(page: HTMLElement, field: HTMLElement, from: HTMLElement, key: string): boolean {
  const results = [...page.querySelectorAll<HTMLElement>('[data-result]')];
  const at = results.indexOf(from.closest<HTMLElement>('[data-result]') ?? from);
  if (results.length === 0 || (at < 0 && from !== field)) return false;
  let next: HTMLElement | undefined;
  if (key === 'ArrowDown') next = results[Math.min(at + 1, results.length - 1)];
  else if (key === 'ArrowUp' && at >= 0) next = results[at - 1] ?? field;
  else if (key === 'Home' && at >= 0) next = results[0];
  else if (key === 'End' && at >= 0) next = results.at(-1);
  if (!next) return false;
  next.focus();
  return true;
}
