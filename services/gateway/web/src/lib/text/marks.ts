// SPDX-License-Identifier: Apache-2.0
// Marks of what a search found in a text.
import { CJK, fold, INSIDE_FROM, SPACED } from './names';

/** A part of a text, in code points; the end is the one after the last. */
export interface Span {
  start: number;
  end: number;
}

/** A part of a text that is shown. */
export interface Piece {
  text: string;
  hit: boolean;
}

/** A text in pieces: what lies in a span, and what does not. Spans come in order. */
export function marks(text: string, spans: readonly Span[]): Piece[] {
  const chars = [...text];
  const pieces: Piece[] = [];
  const add = (from: number, to: number, hit: boolean) => {
    if (to > from) pieces.push({ text: chars.slice(from, to).join(''), hit });
  };
  let at = 0;
  for (const { start, end } of spans) {
    const from = Math.max(start, at);
    add(at, from, false);
    add(from, end, true);
    at = Math.max(at, end);
  }
  add(at, chars.length, false);
  return pieces;
}

/** What a query finds in a name, by the rules of nameFits. */
export function nameSpans(name: string, query: string): Span[] {
  const held = folded(name);
  const spans: Span[] = [];
  for (const word of fold(query).trim().split(/\s+/)) {
    const term = [...word];
    const inside = CJK.test(word) || word.length >= INSIDE_FROM;
    for (let i = 0; i + term.length <= held.length && term.length > 0; i++) {
      const begins = i === 0 || SPACED.test(held[i - 1]!.char);
      if ((inside || begins) && term.every((char, k) => held[i + k]!.char === char)) {
        spans.push({ start: held[i]!.at, end: held[i + term.length - 1]!.at + 1 });
      }
    }
  }
  return spans.sort((a, b) => a.start - b.start);
}

// The characters that count, each with its place: spaces between Chinese, Japanese and Korean ones do not.
function folded(name: string): { char: string; at: number }[] {
  const all: { char: string; at: number }[] = [];
  let at = 0;
  for (const char of name) {
    for (const part of /\p{M}/u.test(char) ? '' : fold(char)) all.push({ char: part, at });
    at++;
  }
  return all.filter(({ char }, i) => char !== ' ' || !CJK.test(all[i - 1]?.char ?? '') || !CJK.test(all[i + 1]?.char ?? ''));
}
