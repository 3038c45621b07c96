// SPDX-License-Identifier: Apache-2.0
// Finds links in plain text. What people write is only ever put into text nodes.

import { MENTION } from '../../lib/text/mentions';

/** A piece of text, with an address if it is a link. */
export interface Piece {
  text: string;
  href?: string;
  /** The id of the person that it mentions, or "all". */
  mention?: string;
}

// Ends at white space and at punctuation of Chinese and Japanese text, which stands without spaces.
const TOKEN = new RegExp(MENTION.source, 'g');
const ADDRESS = /(?:https?:\/\/|mailto:)[^\s<>"'`\u3000-\u303f\uff00-\uff0f\uff1a-\uff1f]+/giu;
const TRAILING = /[.,;:!?)\]}]+$/;
const SCHEMES = new Set(['http:', 'https:', 'mailto:']);

/** Splits a text into plain pieces, links and mentions. */
export function parts(text: string): Piece[] {
  return text.split(TOKEN).flatMap((piece, i) => (i % 2 === 1 ? [{ text: `<@${piece}>`, mention: piece }] : links(piece)));
}

function links(text: string): Piece[] {
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
