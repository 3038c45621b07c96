// SPDX-License-Identifier: Apache-2.0
const HUES = [158, 28, 205, 340, 95, 262, 48, 185];

/** The colour that stands for somebody or something, the same everywhere. */
export function hueOf(id: string): number {
  return HUES[[...id].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) >>> 0, 7) % HUES.length]!;
}
