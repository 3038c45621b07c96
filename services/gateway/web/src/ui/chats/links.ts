// SPDX-License-Identifier: Apache-2.0
// Finds links in plain text. What people write is only ever put into text nodes.

/** A piece of text, with an address if it is a link. */
export interface Piece {
  text: string;
  href?: string;
}

// Ends at white space and at punctuation of Chinese and Japanese text, which stands without spaces.
const ADDRESS = /(?:https?:\/\/|mailto:)[^\s<>"'`\u3000-\u303f\uff00-\uff0f\uff1a-\uff1f]+/giu;
const TRAILING = /[.,;:!?)\]}]+$/;
const SCHEMES = new Set(['http:', 'https:', 'mailto:']);

/** Splits a text into plain pieces and links. */
export function parts(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(TRAILING, '');
    const href = safe(address);
    if (!href) continue;
    if (match.index > at) pieces.push({ text: text.slice(at, match.index) });
    pieces.push({ text: address, href });
    at = match.index + address.length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at) });
  return pieces;
}

function safe(address: string): string | undefined {
  try {
    const url = new URL(address);
    return SCHEMES.has(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}
