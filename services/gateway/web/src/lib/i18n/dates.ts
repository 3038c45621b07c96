// SPDX-License-Identifier: Apache-2.0
import { i18n, t } from './i18n.svelte';

const DAY = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

function format(at: number, options: Intl.DateTimeFormatOptions): string {
  const key = `${i18n.locale} ${JSON.stringify(options)}`;
  let made = formats.get(key);
  if (!made) formats.set(key, (made = new Intl.DateTimeFormat(i18n.locale, options)));
  return made.format(at);
}

function dayStart(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}

/** How many local days lie between a time and now. */
export function daysAgo(at: number, now: number): number {
  return Math.round((dayStart(now) - dayStart(at)) / DAY);
}

/** The time of day. */
export function clock(at: number): string {
  return format(at, { hour: 'numeric', minute: '2-digit' });
}

/** Date and time in full, for tooltips and screen readers. */
export function full(at: number): string {
  return format(at, { dateStyle: 'medium', timeStyle: 'short' });
}

/** The date. */
export function date(at: number): string {
  return format(at, { dateStyle: 'medium' });
}

/** The day, as lines between messages show it. */
export function day(at: number, now: number): string {
  const ago = daysAgo(at, now);
  if (ago === 0) return t('chat.today');
  if (ago === 1) return t('chat.yesterday');
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return format(at, { weekday: 'long', month: 'long', day: 'numeric', year: sameYear ? undefined : 'numeric' });
}

/** A short time for lists: the hour today, the weekday this week, else the date. */
export function brief(at: number, now: number): string {
  const ago = daysAgo(at, now);
  if (ago <= 0) return clock(at);
  if (ago === 1) return t('chat.yesterday');
  if (ago < 7) return format(at, { weekday: 'short' });
  return format(at, { month: 'numeric', day: 'numeric', year: ago > 300 ? '2-digit' : undefined });
}
