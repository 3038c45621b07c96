// SPDX-License-Identifier: Apache-2.0
import type { ChatFile, FileKind, OutboxFile } from '../protocol/model';
import { i18n, t } from './i18n.svelte';

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];

/** A size in bytes, for people: "3.4 MB". */
export function sizeText(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const format = new Intl.NumberFormat(i18n.locale, { style: 'unit', unit: UNITS[step], unitDisplay: 'short', maximumFractionDigits: step > 1 ? 1 : 0 });
  return format.format(bytes / 1000 ** step);
}

/** A length of time: "4:05". */
export function lengthText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** A message with a file in one line. */
export function fileText(file: ChatFile | OutboxFile): string {
  return kindText(file.kind, wordsOf(file));
}

/** What describes a file: alt text, transcript or name. */
export function wordsOf(file: ChatFile | OutboxFile): string {
  const words = { image: file.alt, voice: 'transcript' in file ? file.transcript?.text : '', file: file.name };
  return words[file.kind] ?? '';
}

/** A message with a file in one line, from the words that are known of it: alt text, transcript or name. */
export function kindText(kind: FileKind, words = ''): string {
  switch (kind) {
    case 'image':
      return words ? t('file.imageOf', { alt: words }) : t('file.image');
    case 'voice':
      return words ? t('file.voiceSaid', { text: words }) : t('file.voice');
    default:
      return t('file.named', { name: words });
  }
}
