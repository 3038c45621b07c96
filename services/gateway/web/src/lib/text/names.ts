// SPDX-License-Identifier: Apache-2.0
// Finds names of people and groups in any script.

/** What separates words of a name. */
export const SPACED = /[\s.\-_/:@#]+/u;
export const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
const SPACE_IN_CJK = /(?<=[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}])\s+(?=[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}])/gu;
/** From this length on a term is found inside words, too. */
export const INSIDE_FROM = 3;

/** A text in which width, case, accents of Latin letters and apostrophes make no difference. */
export function fold(text: string): string {
  const bare = text.normalize('NFKD').replace(/(\p{Script=Latin})\p{M}+/gu, '$1').replace(/['’ʼ]/g, '');
  return bare.normalize('NFKC').toLocaleLowerCase();
}

/** True if every word of a query fits the name: Chinese, Japanese and Korean anywhere, others from the beginning of a word. */
export function nameFits(name: string, query: string): boolean {
  const terms = fold(query).trim().split(/\s+/).filter(Boolean);
  if (terms.length === 0) return true;
  const whole = fold(name).replace(SPACE_IN_CJK, '');
  const words = whole.split(SPACED);
  return terms.every((term) => {
    if (CJK.test(term) || term.length >= INSIDE_FROM) return whole.includes(term);
    return words.some((word) => word.startsWith(term));
  });
}
