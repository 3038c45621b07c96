// SPDX-License-Identifier: Apache-2.0

/**
 * Keeps items in the order that they had, while held. What is newer than all of them comes first, and what is only
 * loaded later comes last.
 */
export function stable<T extends { id: string }>(items: readonly T[], order: readonly string[], held: boolean): readonly T[] {
  if (!held) return items;
  const place = new Map(order.map((id, i) => [id, i]));
  const known = items.findIndex((one) => place.has(one.id));
  const newer = new Set(items.slice(0, Math.max(0, known)).map((one) => one.id));
  const at = ({ id }: T) => place.get(id) ?? (newer.has(id) ? -1 : Infinity);
  return [...items].sort((a, b) => (at(a) === at(b) ? 0 : at(a) - at(b)));
}
