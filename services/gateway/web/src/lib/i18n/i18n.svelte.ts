// SPDX-License-Identifier: Apache-2.0
// Texts in the reader's language. Nothing that people read stands outside the catalogues.
import { IntlMessageFormat } from 'intl-messageformat';
import { read, write } from '../storage/local';
import en from './en.json';
import zhHans from './zh-Hans.json';

export type Key = keyof typeof en;
export type Locale = 'en' | 'zh-Hans';
type Params = Record<string, string | number>;

const CATALOGUES: Record<Locale, Record<Key, string>> = { en, 'zh-Hans': zhHans };
const SETTING = 'parley.locale';

/** Names of the languages, each in itself. */
export const LANGUAGES: Record<Locale, string> = { en: 'English', 'zh-Hans': '简体中文' };

/** Chooses the catalogue for the languages that a browser asks for. */
export function pick(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const lower = tag.toLowerCase();
    if (lower.startsWith('zh')) return 'zh-Hans';
    if (lower.startsWith('en')) return 'en';
  }
  return 'en';
}

class I18n {
  /** The chosen language; undefined follows the browser. */
  setting = $state<Locale | undefined>(read<Locale>(SETTING));
  readonly locale: Locale = $derived(this.setting ?? pick(typeof navigator === 'undefined' ? [] : navigator.languages));
  private readonly messages = new Map<string, IntlMessageFormat>();

  choose(locale: Locale | undefined): void {
    this.setting = locale;
    write(SETTING, locale);
  }

  /** The text of a key, filled with values. */
  text(key: Key, params?: Params): string {
    const id = `${this.locale} ${key}`;
    let message = this.messages.get(id);
    if (!message) {
      message = new IntlMessageFormat(CATALOGUES[this.locale][key], this.locale, undefined, { ignoreTag: true });
      this.messages.set(id, message);
    }
    return message.format(params) as string;
  }

  /** The text for a reason of the error registry. */
  reason(reason: string, retryAfterMs = 0): string {
    const key = `error.${reason}`;
    const known = key in CATALOGUES.en ? (key as Key) : 'error.UNKNOWN';
    return this.text(known, { seconds: Math.ceil(retryAfterMs / 1000) });
  }
}

export const i18n = new I18n();

/** Short for i18n.text. */
export function t(key: Key, params?: Params): string {
  return i18n.text(key, params);
}
