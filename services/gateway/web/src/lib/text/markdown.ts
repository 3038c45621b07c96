// SPDX-License-Identifier: Apache-2.0
// Reads a message: code blocks, quotes, lists, and lines of text. Everything else is shown as it was typed.
import { inline, type Inline } from './inline';

/** One item of a list. */
export interface Item {
  /** Indent, bullet or number, and the space after it. */
  open: string;
  /** The number that was written; undefined in a list without numbers. */
  value?: number;
  level: number;
  children: Inline[];
}

/** A part of a message. Parts, lines of a quote and items of a list were separated by line ends. */
export type Block =
  | { kind: 'text'; children: Inline[] }
  | { kind: 'code'; open: string; text: string; close: string }
  | { kind: 'quote'; lines: { open: string; children: Inline[] }[] }
  | { kind: 'list'; ordered: boolean; items: Item[] };

const FENCE = /^```[\w+#.-]*$/;
const QUOTE = /^> ?(?=$)|^> /;
const ITEM = /^( {0,7})(?:([-*])|(0|[1-9]\d{0,8})\.) +(?=\S)/;
const LEVEL_MOST = 3;

/** Reads a message. */
export function markdown(text: string): Block[] {
  const lines = text.split('\n');
  const ends = fences(lines);
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    const end = FENCE.test(line) ? ends[i]! : -1;
    if (end > i) {
      const body = lines.slice(i + 1, end);
      // The line ends inside the fences belong to them.
      blocks.push({ kind: 'code', open: body.length > 0 ? `${line}\n` : line, text: body.join('\n'), close: `\n${lines[end]!}` });
      i = end;
    } else add(blocks, line);
  }
  return blocks;
}

/** What a message shows, without its markers. */
export function shownText(blocks: readonly Block[]): string {
  return blocks.map((block) => write(block, false)).join('\n');
}

/** What was written. */
export function sourceText(blocks: readonly Block[]): string {
  return blocks.map((block) => write(block, true)).join('\n');
}

/** One line of a message as lists show it. */
export function oneLine(text: string): string {
  return shownText(markdown(text)).replace(/\s+/gu, ' ').trim();
}

function add(blocks: Block[], line: string): void {
  const last = blocks.at(-1);
  const item = ITEM.exec(line);
  const quote = item ? null : QUOTE.exec(line);
  if (item) {
    const [open, indent, bullet, number] = item;
    const ordered = bullet === undefined;
    const level = Math.min(LEVEL_MOST, Math.floor(indent!.length / 2));
    const made: Item = { open, level, value: ordered ? Number(number) : undefined, children: inline(line.slice(open.length)) };
    if (last?.kind === 'list' && last.ordered === ordered) last.items.push(made);
    else blocks.push({ kind: 'list', ordered, items: [made] });
  } else if (quote) {
    const made = { open: quote[0], children: inline(line.slice(quote[0].length)) };
    if (last?.kind === 'quote') last.lines.push(made);
    else blocks.push({ kind: 'quote', lines: [made] });
  } else {
    const children = inline(line);
    if (last?.kind === 'text') last.children.push({ kind: 'text', text: '\n' }, ...children);
    else blocks.push({ kind: 'text', children });
  }
}

// For each line the next line that closes a code block; -1 if there is none.
function fences(lines: readonly string[]): number[] {
  const ends = new Array<number>(lines.length).fill(-1);
  for (let i = lines.length - 1, next = -1; i >= 0; i--) {
    ends[i] = next;
    if (lines[i] === '```') next = i;
  }
  return ends;
}

function write(block: Block, markers: boolean): string {
  switch (block.kind) {
    case 'text':
      return writeAll(block.children, markers);
    case 'code':
      return markers ? block.open + block.text + block.close : block.text;
    case 'quote':
      return block.lines.map((line) => (markers ? line.open : '') + writeAll(line.children, markers)).join('\n');
    case 'list':
      return block.items.map((item) => (markers ? item.open : '') + writeAll(item.children, markers)).join('\n');
  }
}

function writeAll(pieces: readonly Inline[], markers: boolean): string {
  return pieces
    .map((piece) => {
      if (piece.kind === 'text' || piece.kind === 'mention') return piece.text;
      const inner = piece.kind === 'code' ? piece.text : writeAll(piece.children, markers);
      return markers ? piece.open + inner + piece.close : inner;
    })
    .join('');
}
