// SPDX-License-Identifier: Apache-2.0

const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * What stands for a name where there is no picture: one letter of its first and last word. Of a name in Chinese
 * characters alone the last one, as people call each other by it; of one that only begins so, the first one.
 */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const graphemes = (text: string) => Array.from(GRAPHEMES.segment(text), (part) => part.segment);
  const [first] = graphemes(words[0]!);
  if (!first) return '·';
  if (/^\p{Script=Han}+$/u.test(words.join(''))) return graphemes(words.at(-1)!).at(-1)!;
  if (words.length === 1 || /\p{Script=Han}/u.test(first)) return first.toLocaleUpperCase();
  return (first + graphemes(words.at(-1)!)[0]!).toLocaleUpperCase();
}
