// SPDX-License-Identifier: Apache-2.0
// Texts in the reader's language. Nothing that people read stands outside the catalogues.
import { read, write } from '../storage/local';
import type en from './en.json';
import { Message, type Values } from './message';

export type Key = keyof typeof en;
export type Locale = 'en' | 'zh-Hans';

type Catalogue = Record<Key, string>;

// Nobody loads the texts of a language that they do not read.
const CATALOGUES: Record<Locale, () => Promise<{ default: Catalogue }>> = { en: () => import('./en.json'), 'zh-Hans': () => import('./zh-Hans.json') };
const SETTING = 'parley.locale';
const UNITS = [
  ['second', 1_000],
  ['minute', 60_000],
  ['hour', 3_600_000],
  ['day', 86_400_000],
] as const;

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
  /** The language of the texts that are shown. */
  locale = $state<Locale>('en');
  private catalogue = $state.raw<Partial<Catalogue>>({});
  private readonly messages = new Map<string, Message>();

  /** Loads the texts of the language that is wanted, and shows them. */
  async load(): Promise<void> {
    const wanted = this.wanted();
    const { default: catalogue } = await CATALOGUES[wanted]();
    if (wanted !== this.wanted()) return;
    this.catalogue = catalogue;
    this.locale = wanted;
  }

  /** Chooses a language; undefined follows the browser. */
  async choose(locale: Locale | undefined): Promise<void> {
    this.setting = locale;
    write(SETTING, locale);
    await this.load();
  }

  private wanted(): Locale {
    return this.setting ?? pick(typeof navigator === 'undefined' ? [] : navigator.languages);
  }

  /** The text of a key, filled with values. */
  text(key: Key, params?: Values): string {
    const { locale } = this;
    const id = `${locale} ${key}`;
    let message = this.messages.get(id);
    if (!message) {
      message = new Message(this.catalogue[key] ?? key, locale);
      this.messages.set(id, message);
    }
    return message.format(params);
  }

  /** The text for a reason of the error registry. */
  reason(reason: string, retryAfterMs = 0): string {
    const key = `error.${reason}`;
    const known = key in this.catalogue ? (key as Key) : 'error.UNKNOWN';
    return this.text(known, { seconds: Math.ceil(retryAfterMs / 1000), wait: this.wait(retryAfterMs) });
  }

  /** A stretch of time in words, rounded up: seconds below two minutes, then minutes, hours, days. */
  wait(ms: number): string {
    const [unit, size] = UNITS.find(([, size]) => ms < 2 * 60 * size) ?? UNITS.at(-1)!;
    return new Intl.NumberFormat(this.locale, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.ceil(ms / size));
  }

  /** A stretch of time that is counted down, in minutes and seconds; longer ones in words. */
  countdown(ms: number): string {
    const seconds = Math.ceil(ms / 1_000);
    return seconds >= 600 ? this.wait(ms) : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  }
}

export const i18n = new I18n();

/** Short for i18n.text. */
export function t(key: Key, params?: Values): string {
  return i18n.text(key, params);
}
