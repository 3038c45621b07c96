// SPDX-License-Identifier: Apache-2.0
// What the list of conversations shows, made from what the replica holds.
import { fileText } from '../i18n/files';
import { list } from '../i18n/system';
import type { Chat } from '../protocol/chat';
import type { ChatMessage, OutboxEntry, System } from '../protocol/model';
import { preview } from '../text/mentions';
import type { Timeline } from '../protocol/timeline';

/** One line of the list. */
export interface Summary {
  id: string;
  peerId: string;
  name: string;
  lastText: string | undefined;
  lastRecalled: boolean;
  lastSystem: System | undefined;
  /** Who wrote it, in a group. */
  lastSender: string;
  group: boolean;
  readOnly: boolean;
  lastIsOwn: boolean;
  at: number;
  unread: number;
  /** Picture of a group; empty without one. */
  avatarFileId: string;
  /** True if an unread message mentions the user. */
  mentioned: boolean;
  notSent: boolean;
  draft: string;
  typing: boolean;
}

/** The other member of a direct conversation. */
export function peerOf(timeline: Timeline, me: string): string {
  return timeline.record.memberIds.find((id) => id !== me) ?? '';
}

/** What a conversation is called: its name, or after the people in it. May be empty. */
export function titleOf(timeline: Timeline, me: string, name: (userId: string) => string): string {
  const { group } = timeline.record;
  if (!group) return name(peerOf(timeline, me));
  if (group.name !== '') return group.name;
  return list(group.faces.map(name).filter((one) => one !== ''), 'narrow');
}

/** All conversations, the newest activity first. */
export function summaries(chat: Chat, me: string, drafts: ReadonlyMap<string, string>, name: (userId: string) => string): Summary[] {
  const all: Summary[] = [];
  for (const timeline of chat.replica.timelines.values()) {
    if (!timeline.known) continue;
    all.push(summary(chat, timeline, me, drafts, name));
  }
  return all.sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
}

function summary(chat: Chat, timeline: Timeline, me: string, drafts: ReadonlyMap<string, string>, name: (userId: string) => string): Summary {
  const { record } = timeline;
  const unsent = chat.unsent(record.id);
  const last = newest(timeline);
  const waiting: OutboxEntry | undefined = unsent.at(-1);
  const peerId = peerOf(timeline, me);
  return {
    id: record.id,
    peerId,
    name: titleOf(timeline, me, name),
    group: record.group !== undefined,
    avatarFileId: record.group?.avatarFileId ?? '',
    readOnly: record.readOnly,
    lastSystem: waiting ? undefined : last?.system,
    lastSender: record.group && !waiting && last ? last.senderId : '',
    lastText: said(waiting ?? last, name),
    lastRecalled: waiting === undefined && last?.recalled !== undefined,
    lastIsOwn: waiting !== undefined || last?.senderId === me,
    at: Math.max(record.activeAt, waiting?.createdAt ?? 0),
    unread: record.head.unread,
    mentioned: record.head.unread > 0 && (record.head.mentions ?? 0) > 0,
    notSent: unsent.some((entry) => entry.state !== 'waiting'),
    draft: drafts.get(record.id) ?? '',
    typing: chat.typingIn.in(record.id).length > 0,
  };
}

function said(message: Pick<OutboxEntry | ChatMessage, 'text' | 'file'> | undefined, name: (userId: string) => string): string | undefined {
  if (message?.file) return fileText(message.file);
  return message?.text === undefined ? undefined : preview(message.text, name);
}

function newest(timeline: Timeline) {
  const last = timeline.messages.get(timeline.record.localSeq);
  if (last) return last;
  return timeline.messages.size > 0 ? timeline.messages.get(Math.max(...timeline.messages.keys())) : undefined;
}
