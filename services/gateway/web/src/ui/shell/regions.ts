// SPDX-License-Identifier: Apache-2.0
// The regions of the page, in the order of the page: F6 goes from one to the next.

const STOPS = 'a[href], button:not([disabled]), input:not([disabled]), select:not([disabled]), textarea:not([disabled]), [tabindex]';
const CURRENT = '[aria-current]';

/** Moves the focus to the next region, or to the one before; it comes back to where it was in that region. */
export function nextRegion(step: 1 | -1, kept: WeakMap<Element, HTMLElement>): void {
  const regions = [...document.querySelectorAll<HTMLElement>('[data-region]')].filter((one) => one.checkVisibility());
  const from = document.activeElement;
  const at = regions.findIndex((one) => one.contains(from));
  if (at >= 0 && from instanceof HTMLElement) kept.set(regions[at]!, from);
  for (let i = 1; i <= regions.length; i++) {
    const start = at < 0 && step < 0 ? 0 : at;
    const region = regions[(start + step * i + regions.length * 2) % regions.length]!;
    const target = entry(region, kept.get(region));
    if (target) return target.focus();
  }
}

/** Where the focus goes in a region: back, else to what is chosen in it, else to its first stop. */
function entry(region: HTMLElement, last: HTMLElement | undefined): HTMLElement | undefined {
  const usable = (one: HTMLElement) => one.tabIndex >= 0 && one.checkVisibility();
  if (last && region.contains(last) && last.checkVisibility()) return last;
  const stops = [...region.querySelectorAll<HTMLElement>(STOPS)].filter(usable);
  return stops.find((one) => one.matches(CURRENT)) ?? stops[0];
}
