// SPDX-License-Identifier: Apache-2.0
// Sets of seq as sorted lists of ranges that do not touch each other.
import type { Range } from './model';

/** Adds a range. */
export function add(ranges: readonly Range[], extra: Range): Range[] {
  if (extra.from > extra.to) return [...ranges];
  let { from, to } = extra;
  const rest: Range[] = [];
  for (const range of ranges) {
    if (range.to < from - 1 || range.from > to + 1) rest.push(range);
    else {
      from = Math.min(from, range.from);
      to = Math.max(to, range.to);
    }
  }
  return [...rest, { from, to }].sort((a, b) => a.from - b.from);
}

/** Takes a range out. */
export function remove(ranges: readonly Range[], hole: Range): Range[] {
  const rest: Range[] = [];
  for (const range of ranges) {
    if (range.from < hole.from) rest.push({ from: range.from, to: Math.min(range.to, hole.from - 1) });
    if (range.to > hole.to) rest.push({ from: Math.max(range.from, hole.to + 1), to: range.to });
  }
  return rest.filter((range) => range.from <= range.to);
}

/** The range that holds seq, if there is one. */
export function find(ranges: readonly Range[], seq: number): Range | undefined {
  return ranges.find((range) => range.from <= seq && seq <= range.to);
}

/** How many seq lie in the part of the ranges above seq. */
export function countAbove(ranges: readonly Range[], seq: number): number {
  return ranges.reduce((sum, range) => sum + Math.max(0, range.to - Math.max(range.from, seq + 1) + 1), 0);
}
