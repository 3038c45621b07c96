// SPDX-License-Identifier: Apache-2.0
// What is searched for, as the address of the page keeps it. It stands behind the #, so that no log of a
// server has it.
import { dayStart } from '../text/day';

const KINDS = ['', 'text', 'image', 'file', 'voice'] as const;
export type SoughtKind = (typeof KINDS)[number];

/** What is searched for. Empty fields do not restrict. */
export interface Sought {
  query: string;
  /** Only in this conversation. */
  in: string;
  /** Only of this sender. */
  by: string;
  /** First and last day, as date fields write them. */
  from: string;
  to: string;
  /** Only messages with a link. */
  links: boolean;
  /** Only messages of this kind; empty: all. */
  kind: SoughtKind;
  /** The message that was opened last. */
  opened: string;
}

export const NOTHING: Sought = { query: '', in: '', by: '', from: '', to: '', links: false, kind: '', opened: '' };

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Reads what stands behind the #; what makes no sense is left out. */
export function readSought(hash: string): Sought {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const id = (key: string) => (ID.test(given.get(key) ?? '') ? given.get(key)! : '');
  const day = (key: string) => (dayStart(given.get(key) ?? '') === undefined ? '' : given.get(key)!);
  const kind = KINDS.find((one) => one === given.get('kind')) ?? '';
  return { query: given.get('q') ?? '', in: id('in'), by: id('by'), from: day('from'), to: day('to'), links: given.has('links'), kind, opened: id('at') };
}

/** Writes it with the # before it; nothing for nothing. */
export function writeSought(sought: Sought): string {
  const kept = new URLSearchParams();
  const put = (key: string, value: string) => value !== '' && kept.set(key, value);
  put('q', sought.query);
  put('in', sought.in);
  put('by', sought.by);
  put('from', sought.from);
  put('to', sought.to);
  if (sought.links) kept.set('links', '1');
  put('kind', sought.kind);
  put('at', sought.opened);
  const text = kept.toString();
  return text === '' ? '' : `#${text}`;
}

/** True if both ask the same question. */
export function same(a: Sought, b: Sought): boolean {
  return writeSought({ ...a, opened: '' }) === writeSought({ ...b, opened: '' });
}

/** True if something but the words restricts it. */
export function filtered(sought: Sought): boolean {
  return sought.in !== '' || sought.by !== '' || sought.from !== '' || sought.to !== '' || sought.links || sought.kind !== '';
}
