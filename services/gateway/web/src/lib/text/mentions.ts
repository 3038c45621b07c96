// SPDX-License-Identifier: Apache-2.0
// Mentions travel as <@user id> or <@all>; people write and read names.
import { t } from '../i18n/i18n.svelte';
import { MENTION } from './inline';
import { oneLine } from './markdown';
import { fold, nameFits } from './names';

export const ALL = 'all';

/** Whom the names in a text stand for. */
export type Picks = Record<string, string>;

const CUT = /<@[0-9a-z-]{0,36}$/;
const QUERY_MOST = 32;
const PREVIEW_MOST = 300;

/** Everybody whom a body mentions, "all" left out. */
export function mentionedIn(body: string): string[] {
  return [...body.matchAll(new RegExp(MENTION.source, 'g'))].map((match) => match[1]!).filter((id) => id !== ALL);
}

/** A body with names in the place of ids, and whom they stand for. Who has no name stays an id. */
export function decode(body: string, name: (userId: string) => string): { text: string; picks: Picks } {
  const picks: Picks = {};
  const text = body.replace(new RegExp(MENTION.source, 'g'), (token, id: string) => {
    const label = id === ALL ? t('mention.all') : name(id);
    // Two people of one name: the second stays an id, so that nobody else is mentioned by an edit.
    if (label === '' || (picks[label] ?? id) !== id) return token;
    picks[label] = id;
    return `@${label}`;
  });
  return { text, picks };
}

/** The beginning of a body in one line, as it is shown: a mention that is cut off at its end is left out. */
export function preview(body: string, name: (userId: string) => string): string {
  const start = body.length > PREVIEW_MOST ? body.slice(0, PREVIEW_MOST) : body;
  return oneLine(decode(start.replace(CUT, '…'), name).text);
}

/** A body with ids in the place of the names that were picked; longer names first. */
export function encode(text: string, picks: Picks): string {
  const labels = Object.keys(picks).sort((a, b) => b.length - a.length);
  return labels.reduce((body, label) => body.replaceAll(`@${label}`, `<@${picks[label]}>`).replaceAll(`＠${label}`, `<@${picks[label]}>`), text);
}

/** What is typed after the last @ before the caret; undefined if no name is being written there. */
export function asked(text: string, caret: number): { start: number; query: string } | undefined {
  const before = text.slice(0, caret);
  const start = Math.max(before.lastIndexOf('@'), before.lastIndexOf('＠'));
  if (start < 0 || caret - start > QUERY_MOST) return undefined;
  const query = before.slice(start + 1);
  // A mail address is no mention, and a name does not begin with a space.
  if (/[A-Za-z0-9._-]$/.test(before.slice(0, start)) || /^\s|\n/.test(query)) return undefined;
  return { start, query };
}

/** One that can be mentioned. */
export interface Candidate {
  id: string;
  name: string;
  username: string;
}

/** Those whom a query fits, the closest first. */
export function matching(people: readonly Candidate[], query: string, most: number): Candidate[] {
  const wanted = fold(query);
  const ranked = people.flatMap((one) => {
    const name = fold(one.name);
    if (name.startsWith(wanted)) return [{ one, rank: 0 }];
    if (one.username.startsWith(wanted)) return [{ one, rank: 1 }];
    return name.includes(wanted) || nameFits(one.name, query) ? [{ one, rank: 2 }] : [];
  });
  return ranked.sort((a, b) => a.rank - b.rank).slice(0, most).map(({ one }) => one);
}
