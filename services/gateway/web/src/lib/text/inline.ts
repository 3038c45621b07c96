// SPDX-License-Identifier: Apache-2.0
// Reads one line of a message: bold, italic, code, links, mentions. Every character of the line stands in
// the result, as text or as a marker, so that nothing of it can be lost.

/** A mention in a body. */
export const MENTION = /<@([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|all)>/;

/** A piece of a line. Markers are what is written and not shown. */
export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; open: string; text: string; close: string }
  | { kind: 'mention'; text: string; id: string }
  | { kind: 'link'; open: string; href: string; children: Inline[]; close: string }
  | { kind: 'bold' | 'italic'; open: string; children: Inline[]; close: string };

/** An open marker and where the pieces after it begin. */
interface Opener {
  marker: string;
  at: number;
}

const DEPTH_MOST = 8;
const ADDRESS_MOST = 2_048;
// Ends at white space and at punctuation of Chinese and Japanese text, which stands without spaces.
const ADDRESS = /(?:https?:\/\/|mailto:)[^\s<>"'`\u3000-\u303f\uff00-\uff0f\uff1a-\uff1f]+/iuy;
const TRAILING = /[.,;:!?)\]}*]+$/;
const MENTION_HERE = new RegExp(MENTION.source, 'y');
const SCHEMES = new Set(['http:', 'https:', 'mailto:']);
const SPACE = /\s/u;
// Scripts that write without spaces: there a marker may stand between two letters.
const LETTER = /[\p{L}\p{N}]/u;
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** Reads a line. */
export function inline(line: string): Inline[] {
  return new Reader(line, true).read();
}

/** The address of a link, if it is one that may be opened. */
export function safe(address: string): string | undefined {
  if (address.length > ADDRESS_MOST) return undefined;
  try {
    const url = new URL(address);
    return SCHEMES.has(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

class Reader {
  private readonly pieces: Inline[] = [];
  private readonly openers: Opener[] = [];
  private at = 0;
  private textFrom = 0;
  private readonly found = new Map<string, number>();

  constructor(
    private readonly line: string,
    private readonly links: boolean,
  ) {}

  read(): Inline[] {
    while (this.at < this.line.length) if (!this.special(this.line[this.at]!)) this.at++;
    this.flush();
    return merged(this.pieces);
  }

  // Takes what begins here, if it is more than a character. Answers false if it is not.
  private special(char: string): boolean {
    switch (char) {
      case '\\':
        // A marker after a backslash is none. Both are shown, as they were written.
        this.at++;
        if (this.line[this.at] === '*' || this.line[this.at] === '_' || this.line[this.at] === '`') this.at++;
        return true;
      case '`':
        return this.code();
      case '<':
        return this.mention();
      case '[':
        return this.links && this.link();
      case 'h':
      case 'H':
      case 'm':
      case 'M':
        return this.links && this.address();
      case '*':
      case '_':
        return this.emphasis(char);
      default:
        return false;
    }
  }

  private push(piece: Inline, length: number): true {
    this.flush();
    this.pieces.push(piece);
    this.at += length;
    this.textFrom = this.at;
    return true;
  }

  private flush(): void {
    if (this.at > this.textFrom) this.pieces.push({ kind: 'text', text: this.line.slice(this.textFrom, this.at) });
    this.textFrom = this.at;
  }

  private code(): boolean {
    const ticks = this.run('`');
    const from = this.at + ticks.length;
    const end = this.closing(ticks, from);
    if (end < 0) {
      this.at = from;
      return true;
    }
    return this.push({ kind: 'code', open: ticks, text: this.line.slice(from, end), close: ticks }, end + ticks.length - this.at);
  }

  // Where a run of exactly these ticks stands; each length is looked for once over the line.
  private closing(ticks: string, from: number): number {
    let end = this.next(ticks, from);
    while (end >= 0 && (this.line[end - 1] === '`' || this.line[end + ticks.length] === '`')) {
      while (this.line[end] === '`') end++;
      end = this.next(ticks, end);
    }
    if (end < 0) this.found.set(ticks, this.line.length);
    return end;
  }

  private mention(): boolean {
    MENTION_HERE.lastIndex = this.at;
    const match = MENTION_HERE.exec(this.line);
    return match !== null && this.push({ kind: 'mention', text: match[0], id: match[1]! }, match[0].length);
  }

  // [label](address): the label stands between the nearest brackets.
  private link(): boolean {
    const middle = this.next('](', this.at + 1);
    const inner = this.next('[', this.at + 1);
    if (middle <= this.at + 1 || (inner >= 0 && inner < middle)) return false;
    const label = this.line.slice(this.at + 1, middle);
    const end = this.addressEnd(middle + 2);
    const href = end > middle + 2 && label.trim() !== '' ? safe(this.line.slice(middle + 2, end)) : undefined;
    if (!href) return false;
    const close = this.line.slice(middle, end + 1);
    return this.push({ kind: 'link', open: '[', href, children: new Reader(label, false).read(), close }, end + 1 - this.at);
  }

  private addressEnd(from: number): number {
    let depth = 0;
    for (let i = from; i < this.line.length && i - from <= ADDRESS_MOST; i++) {
      const char = this.line[i]!;
      if (char === '(') depth++;
      else if (char === ')' && depth-- === 0) return i;
      else if (char === '[' || char === '<' || SPACE.test(char)) return -1;
    }
    return -1;
  }

  private address(): boolean {
    ADDRESS.lastIndex = this.at;
    const match = ADDRESS.exec(this.line);
    if (!match) return false;
    const text = match[0].replace(TRAILING, '');
    const href = safe(text);
    if (href) return this.push({ kind: 'link', open: '', href, children: [{ kind: 'text', text }], close: '' }, text.length);
    this.at += Math.max(1, text.length);
    return true;
  }

  private emphasis(char: string): boolean {
    const run = this.run(char);
    if (run.length > (char === '*' ? 3 : 1)) {
      this.at += run.length;
      return true;
    }
    const before = charBefore(this.line, this.at);
    const after = charAt(this.line, this.at + run.length);
    const opens = after !== '' && !SPACE.test(after) && !spacedLetter(before);
    const closes = before !== '' && !SPACE.test(before) && !(char === '_' && spacedLetter(after));
    this.flush();
    let rest = run;
    for (let marker; closes && (marker = this.nearest(rest)); ) {
      this.close(marker);
      rest = rest.slice(marker.length);
    }
    this.at += run.length;
    this.textFrom = this.at - rest.length;
    if (opens && rest !== '') this.open(rest);
    return true;
  }

  // The marker that the run can close: of three stars the one that was opened last.
  private nearest(rest: string): string | undefined {
    return this.openers.findLast(({ marker }) => (rest.length === 3 ? rest.startsWith(marker) : rest === marker))?.marker;
  }

  private close(marker: string): void {
    const index = this.openers.findLastIndex((one) => one.marker === marker);
    const { at } = this.openers[index]!;
    // What was opened later and is not closed yet was no marker.
    this.openers.length = index;
    const children = merged(this.pieces.splice(at).slice(1));
    this.pieces.push({ kind: marker === '**' ? 'bold' : 'italic', open: marker, children, close: marker });
  }

  // The marker stands as text among the pieces until it is closed.
  private open(run: string): void {
    for (const marker of run === '***' ? ['**', '*'] : [run]) {
      if (this.openers.length >= DEPTH_MOST) this.openers.shift();
      this.openers.push({ marker, at: this.pieces.length });
      this.pieces.push({ kind: 'text', text: marker });
    }
    this.textFrom = this.at;
  }

  private run(char: string): string {
    let end = this.at;
    while (this.line[end] === char) end++;
    return this.line.slice(this.at, end);
  }

  // indexOf that never walks over the same part of the line twice for the same text.
  private next(text: string, from: number): number {
    let known = this.found.get(text) ?? -1;
    if (known < from) {
      const at = this.line.indexOf(text, from);
      known = at < 0 ? this.line.length : at;
      this.found.set(text, known);
    }
    return known >= this.line.length ? -1 : known;
  }
}

// Texts beside each other are one.
function merged(pieces: Inline[]): Inline[] {
  const all: Inline[] = [];
  for (const piece of pieces) {
    const last = all.at(-1);
    if (piece.kind === 'text' && last?.kind === 'text') all[all.length - 1] = { kind: 'text', text: last.text + piece.text };
    else all.push(piece);
  }
  return all;
}

function spacedLetter(char: string): boolean {
  return LETTER.test(char) && !UNSPACED.test(char);
}

function charAt(text: string, at: number): string {
  const code = text.codePointAt(at);
  return code === undefined ? '' : String.fromCodePoint(code);
}

function charBefore(text: string, at: number): string {
  if (at === 0) return '';
  const low = text.charCodeAt(at - 1);
  return low >= 0xdc00 && low <= 0xdfff && at > 1 ? charAt(text, at - 2) : text[at - 1]!;
}
