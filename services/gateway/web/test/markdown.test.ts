// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Inline } from '../src/lib/text/inline';
import { markdown, oneLine, shownText, sourceText, type Block } from '../src/lib/text/markdown';

const MENG = '0199a7f0-0000-7000-8000-000000000001';
const TAGS = { bold: 'b', italic: 'i', code: 'c', link: 'a', mention: '@', text: '' } as const;

function drawn(pieces: readonly Inline[]): string {
  return pieces.map((one) => {
    if (one.kind === 'text') return one.text;
    if (one.kind === 'mention') return `{@ ${one.id === MENG ? '萌' : one.id}}`;
    return `{${TAGS[one.kind]} ${one.kind === 'code' ? one.text : drawn(one.children)}}`;
  }).join('');
}
function draw(block: Block): string {
  switch (block.kind) {
    case 'text':
      return drawn(block.children);
    case 'code':
      return `[code ${block.text}]`;
    case 'quote':
      return `[quote ${block.lines.map((line) => drawn(line.children)).join('\n')}]`;
    case 'list':
      return `[list ${block.items.map((item) => `${item.value ?? '-'}${'>'.repeat(item.level)} ${drawn(item.children)}`).join(' | ')}]`;
  }
}
const all = (text: string) => markdown(text).map(draw).join('⏎');

describe('a line', () => {
  it.each([
    ['hello', 'hello'],
    ['**你好**世界', '{b 你好}世界'],
    ['世界**你好。**世界', '世界{b 你好。}世界'],
    ['你*好*世_界_啊', '你{i 好}世{i 界}啊'],
    ['a **b** c *d* e _f_', 'a {b b} c {i d} e {i f}'],
    ['***both***', '{b {i both}}'],
    ['**a *b* c**', '{b a {i b} c}'],
    ['*a **b** c*', '{i a {b b} c}'],
    ['**a *b** c*', '{b a *b} c*'],
    ['**bold**s', '{b bold}s'],
    ['2*3*4 and 2 * 3 * 4 and 2**3**4', '2*3*4 and 2 * 3 * 4 and 2**3**4'],
    ['snake_case_name and __init__', 'snake_case_name and __init__'],
    ['¯\\_(ツ)_/¯', '¯\\_(ツ)_/¯'],
    ['\\*no\\*', '\\*no\\*'],
    ['**', '**'],
    ['****', '****'],
    ['** a **', '** a **'],
    ['*open', '*open'],
    ['`**not**` and ``a`b``', '{c **not**} and {c a`b}'],
    ['`open', '`open'],
    ['`` ` ``', '{c  ` }'],
    [`请<@${MENG}> **看 <@all>**`, '请{@ 萌} {b 看 {@ all}}'],
    [`<@${MENG}`, `<@${MENG}`],
    ['see https://example.com/a_b_c?x=1 now', 'see {a https://example.com/a_b_c?x=1} now'],
    ['https://example.com.', '{a https://example.com}.'],
    ['看https://example.com/a，好吗', '看{a https://example.com/a}，好吗'],
    ['**https://example.com**', '{b {a https://example.com}}'],
    ['mailto:a@example.com', '{a mailto:a@example.com}'],
    ['[看这里](https://example.com/x)。', '{a 看这里}。'],
    ['[a **b**](https://example.com/X_(y)) c', '{a a {b b}} c'],
    ['**[a](https://example.com)**', '{b {a a}}'],
    ['[a](javascript:alert(1))', '[a](javascript:alert(1))'],
    ['[a](data:text/html,x) [b](/path) [c]( https://example.com)', '[a](data:text/html,x) [b](/path) [c]( {a https://example.com})'],
    ['[](https://example.com)', '[]({a https://example.com})'],
    ['[x] [a](https://example.com)', '[x] {a a}'],
    ['javascript:alert(1)', 'javascript:alert(1)'],
    ['<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
    ['# not a heading', '# not a heading'],
  ])('%s', (text, want) => expect(all(text)).toBe(want));
});

describe('a message', () => {
  it.each([
    ['one\ntwo\n\nthree', 'one\ntwo\n\nthree'],
    ['*one\ntwo*', '*one\ntwo*'],
    ['hi\n```js\nlet **x**;\n\n```\nbye', 'hi⏎[code let **x**;\n]⏎bye'],
    ['```\n```', '[code ]'],
    ['```\nopen', '```\nopen'],
    ['```a b\nx\n```', '```a b\nx\n```'],
    ['> a\n>\n> **b**\nc', '[quote a\n\n{b b}]⏎c'],
    ['>_<', '>_<'],
    ['- a\n- **b**\n  - c', '[list - a | - {b b} | -> c]'],
    ['* a', '[list - a]'],
    ['3. c\n7. g\n- x', '[list 3 c | 7 g]⏎[list - x]'],
    ['2026. 11. 30.', '[list 2026 11. 30.]'],
    ['01. x\n-5\n1.5\n- ', '01. x\n-5\n1.5\n- '],
  ])('%j', (text, want) => expect(all(text)).toBe(want));

  it('shows in one line without its markers', () => {
    expect(oneLine('**你好**世界\n- a\n```\nlet x;\n```')).toBe('你好世界 a let x;');
  });
});

// A generator that repeats itself.
function random(seed: number): (most: number) => number {
  let state = seed;
  return (most) => (state = (state * 48271) % 2147483647) % most;
}
const PARTS = ['*', '**', '***', '_', '`', '``', '```', '\n', ' ', '\\', '> ', '- ', '1. ', '[', ']', '](', ')', '(', 'https://example.com/a', 'mailto:x', '<@all>', `<@${MENG}>`, '<', '你好', '。', 'word', '7', '🤞', '\u3000', 'é', '**b**', '`c`', '```\nx\n```\n', '[l](https://e.org)'];

describe('whatever is written', () => {
  it('nothing is lost: what is shown and the markers are what was written, and what is shown stands in it in this order', () => {
    const next = random(7);
    for (let run = 0; run < 5_000; run++) {
      const text = Array.from({ length: next(24) }, () => PARTS[next(PARTS.length)]!).join('');
      const blocks = markdown(text);
      expect(sourceText(blocks)).toBe(text);
      const shown = shownText(blocks);
      let at = 0;
      for (const char of text) if (shown.startsWith(char, at)) at += char.length;
      expect(at, JSON.stringify(text)).toBe(shown.length);
    }
  });

  it('only addresses that may be opened become links', () => {
    const next = random(11);
    const schemes = ['javascript:', 'data:', 'file:///', 'vbscript:', 'JaVaScRiPt:', 'https://', 'blob:', ' javascript:', 'java\nscript:'];
    const hrefs = (pieces: readonly Inline[]): string[] =>
      pieces.flatMap((one) => (one.kind === 'link' ? [one.href] : one.kind === 'bold' || one.kind === 'italic' ? hrefs(one.children) : []));
    for (let run = 0; run < 2_000; run++) {
      const text = `[${PARTS[next(PARTS.length)]}](${schemes[next(schemes.length)]}${PARTS[next(PARTS.length)]})`;
      for (const block of markdown(text)) if (block.kind === 'text') for (const href of hrefs(block.children)) expect(href).toMatch(/^(https?:|mailto:)/);
    }
  });

  // Work must grow with the length alone: a parser that is not linear needs minutes for these.
  it.each(['*', '**a ', '_a ', '*a **b ', '`', '` `` ', '[', '[a](', '[a](b', '](', 'http://', 'http://%[', 'h', '<@', '> ', '- ', '```\n', '***a', '\\', '*a_b`c['])(
    'a long run of %j is read at once and is not nested deeply',
    (part) => {
      const text = part.repeat(Math.ceil(60_000 / part.length));
      const blocks = markdown(text);
      expect(sourceText(blocks)).toBe(text);
      const depth = (pieces: readonly Inline[]): number =>
        Math.max(0, ...pieces.slice(0, 1_000).map((one) => ('children' in one ? 1 + depth(one.children) : 0)));
      for (const block of blocks) if (block.kind === 'text') expect(depth(block.children)).toBeLessThan(12);
    },
  );

  it('deep nesting that is closed again is cut', () => {
    const text = '*a **b '.repeat(500) + 'x' + ' b** a*'.repeat(500);
    expect(sourceText(markdown(text))).toBe(text);
  });
});
