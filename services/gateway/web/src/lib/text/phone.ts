// SPDX-License-Identifier: Apache-2.0
// Phone numbers as people type them, and as they read them.
import type { Locale } from '../i18n/i18n.svelte';

const E164 = /^\+[1-9]\d{6,14}$/;
const BETWEEN = /[\s\p{Pd}.()/·]/gu;
const MAINLAND_MOBILE = /^1[3-9]\d{9}$/;

/**
 * The number in E.164, or undefined if it cannot be one. A country code is needed, but for a mobile number
 * of mainland China typed by somebody who reads Chinese.
 */
export function toE164(typed: string, locale: Locale): string | undefined {
  let text = typed.normalize('NFKC').replace(BETWEEN, '');
  if (text.startsWith('00')) text = `+${text.slice(2)}`;
  if (locale === 'zh-Hans' && MAINLAND_MOBILE.test(text)) text = `+86${text}`;
  return E164.test(text) ? text : undefined;
}

/** True for what is meant as a whole phone number rather than as a name. */
export function looksLikePhone(typed: string, locale: Locale): boolean {
  const text = typed.normalize('NFKC').trim();
  return /^(\+|00|1\d{10}$)/.test(text.replace(BETWEEN, '')) && toE164(text, locale) !== undefined;
}

/** The number in groups, for the eye. */
export function readable(e164: string): string {
  const [, code, rest] = /^\+(1|7|86)(\d{10,11})$/.exec(e164) ?? [];
  if (!code || !rest) return e164;
  const groups = /^(\d{3})(\d{3,4})(\d{4})$/.exec(rest)?.slice(1) ?? [rest];
  return [`+${code}`, ...groups].join(' ');
}

/** The six digits out of what was typed or pasted. */
export function codeDigits(typed: string): string {
  const text = typed.normalize('NFKC');
  const inside = /(?<!\d)\d{6}(?!\d)/.exec(text)?.[0];
  return inside ?? text.replace(/\D/g, '').slice(0, 6);
}
