// SPDX-License-Identifier: Apache-2.0
const CHARACTERS = 8_000;
const BYTES = 32 * 1024;
const SHOWN_FROM = 0.9;

/** How much of the limit a text uses. */
export interface Size {
  /** Characters that still fit; negative if the text is too long. */
  left: number;
  /** True from 90 % of the limit on. */
  near: boolean;
  over: boolean;
}

const encoder = new TextEncoder();

/** Measures a text against 8,000 characters and 32 KiB, whichever is reached first. */
export function measure(text: string): Size {
  if (text.length < CHARACTERS / 4) return { left: CHARACTERS - text.length, near: false, over: false };
  const characters = [...text].length;
  const bytes = encoder.encode(text).length;
  const perCharacter = bytes / Math.max(1, characters);
  const left = Math.min(CHARACTERS - characters, Math.floor((BYTES - bytes) / perCharacter));
  const used = Math.max(characters / CHARACTERS, bytes / BYTES);
  return { left, near: used >= SHOWN_FROM, over: used > 1 };
}
