// SPDX-License-Identifier: Apache-2.0
// A pseudo language: every text of the catalogue, 40 % longer.
import type { BrowserContext } from '@playwright/test';
import en from '../../../services/gateway/web/src/lib/i18n/en.json' with { type: 'json' };

const MORE = 0.4;
const FILLER = 'lõngér wõrds thän Ênglish häs ';

/** Makes every English text of the page longer, as the files of the build come in. Answers how many there were. */
export async function speakLonger(context: BrowserContext): Promise<() => number> {
  const known = en as Record<string, string>;
  const met = new Set<string>();
  await context.route('**/assets/*.js', async (route) => {
    const answer = await route.fetch();
    const body = (await answer.text()).replace(/"([a-zA-Z]+\.[\w.]+)":(`|"|')((?:(?!\2)[^\\])*)\2/g, (all, key: string, quote: string, text: string) => {
      if (known[key] !== text) return all;
      met.add(key);
      return `"${key}":${quote}${text}${filler(text)}${quote}`;
    });
    await route.fulfill({ response: answer, body });
  });
  return () => met.size;
}

/** What is put at the end of a text: two fifths of what people read of it, after a space. */
function filler(text: string): string {
  const length = text.replace(/\{\w+, plural,|\{\w+\}|=\d+|\b(one|other)\b|[{}#]/g, '').trim().length;
  const more = Math.max(1, Math.ceil(length * MORE) - 1);
  return ` ${FILLER.repeat(Math.ceil(more / FILLER.length)).slice(0, more).trim() || 'ä'}`;
}
