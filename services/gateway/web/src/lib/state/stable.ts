// SPDX-License-Identifier: Apache-2.0

/** Keeps items in the order that they had, while held; new ones come first. */
export function stable<T extends { id: string }>(items: readonly T[], order: readonly string[], held: boolean): readonly T[] {
  if (!held) return items;
  const place = new Map(order.map((id, i) => [id, i]));
  return [...items].sort((a, b) => (place.get(a.id) ?? -1) - (place.get(b.id) ?? -1));
}
