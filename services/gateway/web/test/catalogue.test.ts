// SPDX-License-Identifier: Apache-2.0
import { parse as parseMessage, TYPE, type MessageFormatElement } from '@formatjs/icu-messageformat-parser';
import { IntlMessageFormat } from 'intl-messageformat';
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'svelte/compiler';
import { describe, expect, it } from 'vitest';
import en from '../src/lib/i18n/en.json';
import { Message } from '../src/lib/i18n/message';
import { pick } from '../src/lib/i18n/i18n.svelte';
import zh from '../src/lib/i18n/zh-Hans.json';

const sources = (readdirSync('src', { recursive: true }) as string[]).filter((path) => /\.(svelte|ts)$/.test(path) && !path.startsWith('gen/'));
const code = new Map(sources.map((path) => [path, readFileSync(`src/${path}`, 'utf8')]));

function parameters(elements: MessageFormatElement[]): string[] {
  return elements.flatMap((element) => {
    if (element.type === TYPE.plural || element.type === TYPE.select) {
      return [element.value, ...Object.values(element.options).flatMap((option) => parameters(option.value))];
    }
    return element.type === TYPE.argument ? [element.value] : [];
  });
}
const names = (text: string) => [...new Set(parameters(parseMessage(text, { ignoreTag: true })))].sort();

describe('catalogues', () => {
  it('have the same keys in the same order', () => expect(Object.keys(zh)).toEqual(Object.keys(en)));

  it.each(Object.keys(en) as (keyof typeof en)[])('%s takes the same values in every language', (key) => {
    expect(zh[key].trim()).not.toBe('');
    expect(names(zh[key])).toEqual(names(en[key]));
  });

  // What a whole library makes of a text is what the client shows.
  it.each(Object.keys(en) as (keyof typeof en)[])('%s is filled as the ICU says', (key) => {
    for (const [locale, text] of [['en', en[key]], ['zh-Hans', zh[key]]] as const) {
      for (const count of [0, 1, 2, 1_234]) {
        const values = Object.fromEntries(names(text).map((name) => [name, /count|seconds|unread/.test(name) ? count : `<${name}>`]));
        expect(new Message(text, locale).format(values)).toBe(new IntlMessageFormat(text, locale, undefined, { ignoreTag: true }).format(values));
      }
    }
  });

  it.each(['{count, select, a {x} other {y}}', '{count, plural, one {x}}', '{count', '{count, plural, other {x}', 'a } b'])('%s is refused', (text) =>
    expect(() => new Message(text, 'en')).toThrow(SyntaxError),
  );

  it('have no key that nothing uses', () => {
    const all = [...code.values()].join('\n');
    const unused = Object.keys(en).filter((key) => !key.startsWith('error.') && !all.includes(`'${key}'`));
    expect(unused).toEqual([]);
  });

  it.each([
    [['zh-CN', 'en'], 'zh-Hans'],
    [['zh-TW'], 'zh-Hans'],
    [['fr', 'zh'], 'zh-Hans'],
    [['de', 'fr'], 'en'],
    [['en-GB', 'zh'], 'en'],
  ])('for %j the language is %s', (wanted, locale) => expect(pick(wanted)).toBe(locale));
});

const SPOKEN = new Set(['aria-label', 'title', 'placeholder', 'alt', 'label', 'hint', 'text', 'action', 'aria-description']);
const LETTER = /\p{L}/u;

interface Node {
  type: string;
  data?: string;
  name?: string;
  value?: unknown;
}

// Text that a person would read and that stands in the markup itself.
function outside(source: string): string[] {
  const found: string[] = [];
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(walk);
    if (typeof node !== 'object' || node === null) return;
    const { type, data, name, value } = node as Node;
    if (type === 'StyleDirective') return;
    if (type === 'Text' && data && LETTER.test(data)) found.push(data.trim());
    if (type === 'Attribute') {
      if (!SPOKEN.has(name ?? '')) return;
      for (const part of [value].flat() as Node[]) if (part?.type === 'Text' && LETTER.test(part.data ?? '')) found.push(`${name}=${part.data}`);
      return;
    }
    for (const [key, child] of Object.entries(node)) if (key !== 'css' && key !== 'instance' && key !== 'module' && key !== 'metadata') walk(child);
  };
  walk(parse(source, { modern: true }).fragment);
  return found;
}

describe('screens', () => {
  const screens = [...code].filter(([path]) => path.endsWith('.svelte'));
  it.each(screens)('%s has no text outside the catalogues', (_, source) => expect(outside(source)).toEqual([]));

  it('are recognised when they have', () => {
    expect(outside('<p>Hello</p><input aria-label="Name" class="x" />')).toEqual(['Hello', 'aria-label=Name']);
  });
});
