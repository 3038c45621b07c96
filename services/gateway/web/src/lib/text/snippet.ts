// SPDX-License-Identifier: Apache-2.0
// A hit of a search in one line: the text as it is shown, cut around what matched first.
import type { Inline } from './inline';
import { markdown, type Block } from './markdown';
import type { Piece, Span } from './marks';
import { fold } from './names';

export type { Piece, Span };

/** A character that is shown, and whether it matched. */
interface Shown {
  char: string;
  /** Where it, or what it stands for, ends in the text. */
  end: number;
  hit: boolean;
}

const BEFORE = 24;
const LENGTH = 140;
const SPACE = /\s/u;
// Belongs to the character before it.
const JOINED = /[\p{M}\u200d\ufe0f\u{1f3fb}-\u{1f3ff}]/u;

/** Cuts a text around what matched first. A mention is shown by the name of whom it means. */
export function snippet(text: string, spans: readonly Span[], name: (id: string) => string): Piece[] {
  const walk = new Walk(units(text, spans), name);
  walk.blocks(markdown(text));
  const line = oneLine(walk.shown);
  const first = Math.max(0, firstHit(line, walk.spans));
  const from = border(line, line.length <= LENGTH || first <= BEFORE ? 0 : Math.min(first - BEFORE, line.length - LENGTH));
  const to = border(line, Math.min(line.length, from + LENGTH));
  const pieces = merged(line.slice(from, to));
  if (from > 0) pieces.unshift({ text: '…', hit: false });
  if (to < line.length) pieces.push({ text: '…', hit: false });
  return pieces;
}

/**
 * Where the words of a query stand in a text, or undefined if one of them does not: for a text that was
 * edited after the server looked at it. It knows no borders of words, so it finds a little more.
 */
export function spansOf(text: string, query: string): Span[] | undefined {
  const chars: string[] = [];
  const at: number[] = [];
  let next = 0;
  for (const char of text) {
    // A mark of its own makes no difference here, as it makes none when it is part of a letter.
    for (const part of /\p{M}/u.test(char) ? '' : fold(char)) {
      chars.push(part);
      at.push(next);
    }
    next++;
  }
  const held = chars.join('');
  // From places in UTF-16 to places in the list of characters.
  const places: number[] = [];
  chars.forEach((char, i) => places.push(...new Array<number>(char.length).fill(i)));
  const found: Span[] = [];
  for (const word of words(query)) {
    let from = held.indexOf(word);
    if (from < 0) return undefined;
    for (; from >= 0; from = held.indexOf(word, from + word.length)) {
      found.push({ start: at[places[from]!]!, end: at[places[from + word.length - 1]!]! + 1 });
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

/** The words and phrases of a query, folded. */
export function words(query: string): string[] {
  const parts = query.replace(/[“”＂]/g, '"').split('"');
  const closed = parts.length % 2 === 1;
  return parts
    .flatMap((part, i) => (i % 2 === 1 && (closed || i < parts.length - 1) ? [part.trim()] : part.split(/\s+/u)))
    .map((word) => fold(word))
    .filter((word) => word !== '');
}

// Spans in UTF-16 units, as strings count.
function units(text: string, spans: readonly Span[]): Span[] {
  const places: number[] = [];
  let at = 0;
  for (const char of text) {
    places.push(at);
    at += char.length;
  }
  places.push(at);
  return spans.map(({ start, end }) => ({ start: places[start] ?? at, end: places[end] ?? at })).filter(({ start, end }) => end > start);
}

/** Walks over a message as it is read, and notes what is shown of it and where it came from. */
class Walk {
  readonly shown: Shown[] = [];
  private at = 0;

  constructor(
    readonly spans: readonly Span[],
    private readonly name: (id: string) => string,
  ) {}

  blocks(blocks: readonly Block[]): void {
    blocks.forEach((block, i) => {
      if (i > 0) this.text('\n');
      if (block.kind === 'text') this.pieces(block.children);
      else if (block.kind === 'code') this.code(block);
      else this.lines(block.kind === 'quote' ? block.lines : block.items);
    });
  }

  private lines(lines: readonly { open: string; children: Inline[] }[]): void {
    lines.forEach((line, i) => {
      if (i > 0) this.text('\n');
      this.at += line.open.length;
      this.pieces(line.children);
    });
  }

  private pieces(pieces: readonly Inline[]): void {
    for (const piece of pieces) {
      if (piece.kind === 'text') this.text(piece.text);
      else if (piece.kind === 'mention') this.mention(piece.id, piece.text);
      else if (piece.kind === 'code') this.code(piece);
      else {
        this.at += piece.open.length;
        this.pieces(piece.children);
        if (piece.kind === 'link') this.address(piece.close);
        else this.at += piece.close.length;
      }
    }
  }

  private code({ open, text, close }: { open: string; text: string; close: string }): void {
    this.at += open.length;
    this.text(text);
    this.at += close.length;
  }

  private text(text: string): void {
    for (const char of text) {
      this.add(char, this.hit(this.at, this.at + char.length), char.length);
    }
  }

  private mention(id: string, token: string): void {
    const label = this.name(id);
    if (label === '') return this.text(token);
    const hit = this.hit(this.at, this.at + token.length);
    for (const char of `@${label}`) this.add(char, hit, 0);
    this.at += token.length;
  }

  // What a label hides is shown only where it is what matched.
  private address(close: string): void {
    if (close === '' || !this.hit(this.at, this.at + close.length)) {
      this.at += close.length;
      return;
    }
    this.at += 2;
    this.add(' ', false, 0);
    this.text(close.slice(2, -1));
    this.at += 1;
  }

  private add(char: string, hit: boolean, length: number): void {
    this.at += length;
    this.shown.push({ char, hit, end: this.at });
  }

  private hit(from: number, to: number): boolean {
    return this.spans.some(({ start, end }) => start < to && end > from);
  }
}

// White space of any kind and length is one space.
function oneLine(shown: readonly Shown[]): Shown[] {
  const line: Shown[] = [];
  for (const one of shown) {
    if (!SPACE.test(one.char)) line.push(one);
    else if (line.length > 0 && line.at(-1)!.char !== ' ') line.push({ ...one, char: ' ' });
    else if (line.length > 0 && one.hit) line.at(-1)!.hit = true;
  }
  if (line.at(-1)?.char === ' ') line.pop();
  return line;
}

// What matched may be a marker that is not shown: then the place where it stands.
function firstHit(line: readonly Shown[], spans: readonly Span[]): number {
  const marked = line.findIndex((one) => one.hit);
  if (marked >= 0 || spans.length === 0) return marked;
  return line.findIndex((one) => one.end > spans[0]!.start);
}

// Never between a character and what belongs to it.
function border(line: readonly Shown[], at: number): number {
  while (at > 0 && at < line.length && (JOINED.test(line[at]!.char) || line[at - 1]!.char === '\u200d')) at--;
  return at;
}

function merged(line: readonly Shown[]): Piece[] {
  const pieces: Piece[] = [];
  for (const { char, hit } of line) {
    const last = pieces.at(-1);
    if (last?.hit === hit) last.text += char;
    else pieces.push({ text: char, hit });
  }
  return pieces;
}
