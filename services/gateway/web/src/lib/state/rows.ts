// SPDX-License-Identifier: Apache-2.0
// What a conversation shows, line by line, made from a part of a timeline and the outbox.
import { daysAgo } from '../i18n/dates';
import { wordsOf } from '../i18n/files';
import type { ChatFile, ChatMessage, FileKind, OutboxEntry, OutboxFile, Reaction, Reply, Source, System, Way } from '../protocol/model';
import { find } from '../protocol/ranges';
import type { Timeline } from '../protocol/timeline';

export type SendState = 'none' | 'sending' | 'sent' | 'read' | 'refused' | 'stale';

/** One line. Its key stays the same for as long as the line means the same. */
export type Row =
  | { kind: 'day'; key: string; at: number }
  | { kind: 'new'; key: string }
  | { kind: 'gap'; key: string }
  | { kind: 'system'; key: string; seq: number; system: System; at: number }
  | {
      /** What is left of a message that was taken back. */
      kind: 'recalled';
      key: string;
      seq: number;
      senderId: string;
      by: string;
      at: number;
    }
  | {
      kind: 'message';
      key: string;
      /** 0 for one that has no place yet. */
      seq: number;
      clientMessageId: string;
      senderId: string;
      own: boolean;
      text: string | undefined;
      /** The file that it shows, instead of a text. */
      file?: ChatFile | OutboxFile;
      /** How much of the file is on the server, 0 to 1, while it is being sent. */
      share?: number;
      /** True while the server has no place for files. */
      held?: boolean;
      edited: boolean;
      /** True if it mentions the user. */
      mentioned: boolean;
      forwarded: boolean;
      /** Where it was copied from, if the user may know; undefined until the server told. */
      source?: Source | null;
      reactions: Reaction[];
      reply?: Quote;
      at: number;
      state: SendState;
      /** How many others have read an own message. */
      readers: number;
      reason?: string;
      /** First and last of a group of one sender. */
      first: boolean;
      last: boolean;
    };

/** What is shown of a message that is answered. */
export interface Quote {
  seq: number;
  /** Empty if the message is not here. */
  senderId: string;
  text: string | undefined;
  /** Set if it shows a file: then the text is what describes that. */
  kind?: FileKind;
  recalled: boolean;
  edited: boolean;
}

export type MessageRow = Extract<Row, { kind: 'message' }>;
export type SystemRow = Extract<Row, { kind: 'system' }>;
export type RecalledRow = Extract<Row, { kind: 'recalled' }>;

/** What is shown of a conversation: messages with from ≤ seq ≤ to; to is Infinity at its end. */
export interface Window {
  from: number;
  to: number;
}

const GROUP_MS = 5 * 60_000;
const READERS_MOST = 100;

/** What is known of the message at a seq, the newest first; undefined for one that this user may not see. */
export function quote({ record, messages }: Timeline, { seq, ...told }: Reply): Quote | undefined {
  const held = messages.get(seq);
  if (held) return { seq, senderId: held.senderId, text: held.file ? wordsOf(held.file) : held.text, kind: held.file?.kind, recalled: Boolean(held.recalled), edited: Boolean(held.editedAt) };
  if (find(record.gaps, seq) || find(record.hidden ?? [], seq)) return undefined;
  return { seq, senderId: told.senderId ?? '', text: told.preview, kind: told.kind, recalled: Boolean(told.recalled), edited: Boolean(told.edited) };
}

/** A message that has no place yet, and how far its file is. */
export type Unsent = OutboxEntry & Partial<Way>;

/** Makes the lines of a window. newFrom is the seq before which the line "new" stands; 0 for none. */
export function rows(timeline: Timeline, window: Window, unsent: Unsent[], me: string, newFrom: number): Row[] {
  const { record, messages } = timeline;
  const marks = peerMarks(timeline, me);
  const lines: Row[] = [];
  let previous: MessageRow | undefined;
  let at: number | undefined;
  const push = (row: MessageRow | RecalledRow | SystemRow) => {
    if (at === undefined || daysAgo(at, row.at) !== 0) {
      lines.push({ kind: 'day', key: `day ${row.seq || row.key}`, at: row.at });
      previous = undefined;
    }
    at = row.at;
    if (row.seq !== 0 && row.seq === newFrom) {
      lines.push({ kind: 'new', key: 'new' });
      previous = undefined;
    }
    if (row.kind !== 'message') {
      lines.push(row);
      previous = undefined;
      return;
    }
    row.first = !previous || previous.senderId !== row.senderId || row.at - previous.at > GROUP_MS;
    if (previous && !row.first) previous.last = false;
    lines.push(row);
    previous = row;
  };
  const end = Math.min(window.to, record.localSeq);
  for (let seq = window.from; seq <= end; seq++) {
    const message = messages.get(seq);
    if (message) push(stored(timeline, message, me, marks));
    else {
      const gap = find(record.gaps, seq);
      if (!gap) continue;
      lines.push({ kind: 'gap', key: `gap ${gap.from}` });
      seq = gap.to;
    }
  }
  if (window.to >= record.localSeq) for (const entry of unsent) push(waiting(timeline, entry, me));
  return lines;
}

// How far the others have read. In larger groups nobody is told that.
function peerMarks({ record }: Timeline, me: string): number[] {
  const { group, markers, memberIds } = record;
  if (!group) return memberIds.filter((id) => id !== me).map((id) => markers[id] ?? 0);
  if (group.memberCount > READERS_MOST) return [];
  return Object.entries(markers).flatMap(([id, seq]) => (id === me ? [] : [seq]));
}

function stored(timeline: Timeline, message: ChatMessage, me: string, marks: readonly number[]): MessageRow | RecalledRow | SystemRow {
  const own = message.senderId === me;
  const { seq, senderId, recalled } = message;
  // Own messages keep the key that they had in the outbox, so that nothing is drawn twice.
  const key = own && message.clientMessageId ? message.clientMessageId : message.messageId;
  if (message.system) return { kind: 'system', key, seq, system: message.system, at: message.sentAt };
  if (recalled) return { kind: 'recalled', key, seq, senderId, by: recalled.by, at: message.sentAt };
  const readers = own ? marks.filter((mark) => mark >= seq).length : 0;
  return {
    kind: 'message',
    key,
    seq,
    clientMessageId: message.clientMessageId,
    senderId,
    own,
    text: message.text,
    file: message.file,
    edited: Boolean(message.editedAt),
    mentioned: !own && (message.mentionsAll === true || message.mentionIds?.includes(me) === true),
    forwarded: message.forwarded === true,
    source: message.source,
    reactions: message.reactions ?? [],
    reply: message.replyTo && quote(timeline, message.replyTo),
    at: message.sentAt,
    state: own ? (readers > 0 ? 'read' : 'sent') : 'none',
    readers,
    first: true,
    last: true,
  };
}

function waiting(timeline: Timeline, { share, held, ...entry }: Unsent, me: string): MessageRow {
  return {
    kind: 'message',
    key: entry.clientMessageId,
    seq: 0,
    clientMessageId: entry.clientMessageId,
    senderId: me,
    own: true,
    text: entry.file ? undefined : entry.text,
    file: entry.file,
    share,
    held,
    edited: false,
    mentioned: false,
    forwarded: entry.forwardOf !== undefined,
    reactions: [],
    reply: entry.replyToSeq ? quote(timeline, { seq: entry.replyToSeq }) : undefined,
    at: entry.createdAt,
    state: entry.state === 'waiting' ? 'sending' : entry.state,
    readers: 0,
    reason: entry.reason,
    first: true,
    last: true,
  };
}
