// SPDX-License-Identifier: Apache-2.0
// Days of the local calendar, as date fields write them: 2026-11-30.

/** When a local day begins, ms; undefined if the text is no day. */
export function dayStart(text: string): number | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (!match) return undefined;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const start = new Date(year, month - 1, day);
  return start.getMonth() === month - 1 && start.getDate() === day ? Math.max(0, start.getTime()) : undefined;
}

/** The local day of a time. */
export function dayText(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
