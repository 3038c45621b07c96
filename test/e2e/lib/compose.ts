// SPDX-License-Identifier: Apache-2.0
// Plays back what an input method does to a field, as three browser engines report it.
import type { Locator } from '@playwright/test';

export type Engine = 'Chromium' | 'Firefox' | 'Safari';
type Step = { type: 'start' | 'update' | 'end' | 'endFirst'; text?: string } | { type: 'key'; key: string; keyCode: number; isComposing: boolean };

/** Plays steps in the field, in one go. */
export async function compose(field: Locator, steps: Step[]): Promise<void> {
  await field.focus();
  await field.evaluate((element, all) => {
    const area = element as HTMLTextAreaElement | HTMLInputElement;
    const at = area.selectionStart ?? area.value.length;
    const [head, tail] = [area.value.slice(0, at), area.value.slice(area.selectionEnd ?? at)];
    const write = (text: string) => {
      area.value = head + text + tail;
      area.setSelectionRange(at + text.length, at + text.length);
    };
    const input = (text: string, isComposing: boolean) => area.dispatchEvent(new InputEvent('input', { bubbles: true, inputType: 'insertCompositionText', data: text, isComposing }));
    const composition = (type: string, data = '') => area.dispatchEvent(new CompositionEvent(type, { bubbles: true, data }));
    for (const step of all) {
      if (step.type === 'key') {
        const event = new KeyboardEvent('keydown', { bubbles: true, cancelable: true, key: step.key, isComposing: step.isComposing });
        Object.defineProperty(event, 'keyCode', { value: step.keyCode });
        area.dispatchEvent(event);
        continue;
      }
      const text = step.text ?? '';
      if (step.type === 'start') composition('compositionstart');
      else if (step.type === 'update') {
        composition('compositionupdate', text);
        write(text);
        input(text, true);
      } else {
        write(text);
        // Firefox tells the end before the input, the others after it.
        if (step.type === 'end') input(text, true);
        composition('compositionend', text);
        if (step.type === 'endFirst') input(text, false);
      }
    }
  }, steps);
}

const process = (key = 'Process'): Step => ({ type: 'key', key, keyCode: 229, isComposing: true });
const first = (key: string): Step => ({ type: 'key', key, keyCode: 229, isComposing: false });
const enter: Step = { type: 'key', key: 'Enter', keyCode: 13, isComposing: false };
const start: Step = { type: 'start' };
const update = (text: string): Step => ({ type: 'update', text });

/** What each engine tells while letters become text, confirmed with Enter, or with another key. */
function confirmed(engine: Engine, shown: string[], text: string, key = 'Enter'): Step[] {
  const typed = shown.flatMap((part, i) => {
    if (engine === 'Safari') return [update(part), process(part.at(-1))];
    return [i === 0 ? first(engine === 'Firefox' ? 'Process' : part) : process(engine === 'Firefox' ? 'Process' : part.at(-1)), ...(i === 0 ? [start] : []), update(part)];
  });
  // Safari ends the composition first, and then tells the key with nothing but its number to know it by.
  if (engine === 'Safari') return [start, ...typed, { type: 'end', text }, first(key)];
  return [...typed, process(key), { type: engine === 'Firefox' ? 'endFirst' : 'end', text }];
}

const ENGINES: Engine[] = ['Chromium', 'Firefox', 'Safari'];
const METHODS: [string, string[], string, string?][] = [
  ['pinyin, Enter takes the letters', ['n', 'ni', 'nihao'], 'nihao'],
  ['pinyin, space takes a candidate', ['n', 'nihao'], '你好', ' '],
  ['zhuyin', ['ㄒ', 'ㄒㄧㄝˋ', '謝謝'], '謝謝'],
  ['kana', ['t', 'とうきょう', '東京'], '東京'],
];

/** Recordings: what comes before the Enter that sends must send nothing. */
export const RECORDINGS: Record<string, { steps: Step[]; text: string }> = Object.fromEntries(
  ENGINES.flatMap((engine) => METHODS.map(([name, shown, text, key]) => [`${name}, ${engine}`, { steps: confirmed(engine, shown, text, key), text }])),
);

/** A name that is written with pinyin and confirmed with Enter, as each engine tells it. */
export function written(engine: Engine, letters: string, text: string): Step[] {
  return confirmed(engine, [letters.slice(0, 1), letters], text);
}

/** Hangul: the Enter that ends the last syllable also sends, once, with that syllable. */
export const HANGUL: Record<Engine, Step[]> = {
  Chromium: [first('d'), start, update('안'), process('s'), update('안녕'), process('Enter'), { type: 'end', text: '안녕' }, enter],
  Firefox: [first('Process'), start, update('안'), process(), update('안녕'), process('Enter'), { type: 'endFirst', text: '안녕' }, enter],
  Safari: [start, update('안'), process('s'), update('안녕'), { type: 'end', text: '안녕' }, enter],
};
