// SPDX-License-Identifier: Apache-2.0
// Plays back what an input method does to a field, as three browser engines report it.
import type { Locator } from '@playwright/test';

export interface Step {
  type: 'start' | 'update' | 'end' | 'key';
  text?: string;
  key?: string;
  keyCode?: number;
  isComposing?: boolean;
}

/** Plays steps in the field, in one go. */
export async function compose(field: Locator, steps: Step[]): Promise<void> {
  await field.focus();
  await field.evaluate((element, all) => {
    const area = element as HTMLTextAreaElement;
    let before = area.value;
    const input = (text: string, isComposing: boolean) => {
      area.value = before + text;
      area.dispatchEvent(new InputEvent('input', { bubbles: true, inputType: 'insertCompositionText', data: text, isComposing }));
    };
    for (const step of all) {
      if (step.type === 'start') {
        before = area.value;
        area.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }));
      } else if (step.type === 'update') {
        area.dispatchEvent(new CompositionEvent('compositionupdate', { bubbles: true, data: step.text }));
        input(step.text ?? '', true);
      } else if (step.type === 'end') {
        input(step.text ?? '', true);
        area.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true, data: step.text }));
      } else {
        const event = new KeyboardEvent('keydown', { bubbles: true, cancelable: true, key: step.key, isComposing: step.isComposing });
        Object.defineProperty(event, 'keyCode', { value: step.keyCode });
        area.dispatchEvent(event);
      }
    }
  }, steps);
}

const process = (key = 'Process'): Step => ({ type: 'key', key, keyCode: 229, isComposing: true });
const enter: Step = { type: 'key', key: 'Enter', keyCode: 13, isComposing: false };

/** Recordings: what comes before the Enter that sends must send nothing. */
export const RECORDINGS: Record<string, { steps: Step[]; text: string }> = {
  'pinyin, Chromium: Enter confirms the letters': {
    text: 'nihao',
    steps: [process('n'), { type: 'start' }, { type: 'update', text: 'ni' }, process('h'), { type: 'update', text: 'nihao' }, process('Enter'), { type: 'end', text: 'nihao' }],
  },
  'pinyin, Chromium: space picks a candidate': {
    text: '你好',
    steps: [process('n'), { type: 'start' }, { type: 'update', text: 'nihao' }, process(' '), { type: 'end', text: '你好' }],
  },
  'pinyin, Safari: the key comes after the end': {
    text: '你好',
    steps: [{ type: 'start' }, { type: 'update', text: 'nihao' }, { type: 'end', text: '你好' }, { type: 'key', key: 'Enter', keyCode: 229, isComposing: false }],
  },
  'zhuyin, Firefox': {
    text: '謝謝',
    steps: [process(), { type: 'start' }, { type: 'update', text: 'ㄒㄧㄝˋ' }, process(), { type: 'update', text: '謝謝' }, process('Enter'), { type: 'end', text: '謝謝' }],
  },
  'kana, Chromium: Enter fixes the conversion': {
    text: '東京',
    steps: [process('t'), { type: 'start' }, { type: 'update', text: 'とうきょう' }, process(' '), { type: 'update', text: '東京' }, process('Enter'), { type: 'end', text: '東京' }],
  },
  'kana, Safari: Enter fixes the conversion': {
    text: '東京',
    steps: [{ type: 'start' }, { type: 'update', text: '東京' }, { type: 'end', text: '東京' }, { type: 'key', key: 'Enter', keyCode: 229, isComposing: false }],
  },
};

/** Hangul: the Enter that ends the last syllable also sends, once, with that syllable. */
export const HANGUL: Record<string, Step[]> = {
  'hangul, Chromium: the key is told twice': [
    process('d'),
    { type: 'start' },
    { type: 'update', text: '안' },
    process('Enter'),
    { type: 'end', text: '안녕' },
    enter,
  ],
  'hangul, Safari: the end comes first': [{ type: 'start' }, { type: 'update', text: '안녕' }, { type: 'end', text: '안녕' }, enter],
};
