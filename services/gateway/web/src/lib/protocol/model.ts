// SPDX-License-Identifier: Apache-2.0
// What the client keeps: plain objects that can be stored as they are. Times are ms since 1970.

import type { TranscriptState } from '../../gen/parley/message/v1/message_pb';
import type { MemberRole, SystemKind } from '../../gen/parley/message/v1/system_pb';

/** One message of a conversation. */
export interface ChatMessage {
  conversationId: string;
  seq: number;
  messageId: string;
  clientMessageId: string;
  senderId: string;
  sentAt: number;
  /** Number of the change that touched it last. */
  rev: number;
  /** When it was edited last; missing or 0 if it never was. */
  editedAt?: number;
  /** Undefined when it was recalled, or when this version does not know the kind of content. */
  text?: string;
  /** The file that it shows, instead of a text. */
  file?: ChatFile;
  /** Set when it was taken back: only position and tombstone are left. */
  recalled?: Recalled;
  /** What it answers. */
  replyTo?: Reply;
  /** Members whom the text mentions; missing in what an older version stored. */
  mentionIds?: string[];
  mentionsAll?: boolean;
  /** True if its text was copied from another message; then it cannot be edited. */
  forwarded?: boolean;
  /** Where it was copied from. Null: a page told that this user may not know. Missing: no page told yet. */
  source?: Source | null;
  /** Emoji below it, with how many gave it and the first who did; missing in what an older version stored. */
  reactions?: Reaction[];
  /** Set when the server itself tells what happened to a group. */
  system?: System;
}

export type FileKind = 'image' | 'file' | 'voice';

/** What a message tells of its file. */
export interface ChatFile {
  kind: FileKind;
  fileId: string;
  name: string;
  size: number;
  type: string;
  /** Of an image, in pixels. */
  width?: number;
  height?: number;
  /** What an image shows, for who cannot see it. */
  alt?: string;
  /** Of a voice message. */
  durationMs?: number;
  /** How loud a voice message is over time, 0 to 255. */
  waveform?: number[];
  /** What a machine understood of a voice message; missing where nothing reads them. */
  transcript?: Transcript;
}

/** The text of a voice message, made by a machine. */
export interface Transcript {
  state: TranscriptState;
  text: string;
  /** BCP 47; empty if it is not known. */
  language: string;
  /** 0 to 1; 0 if it is not known. */
  confidence: number;
}

/** A message whose text was copied. */
export interface Source {
  conversationId: string;
  seq: number;
  senderId: string;
  sentAt: number;
}

/** One emoji below a message. */
export interface Reaction {
  emoji: string;
  count: number;
  userIds: string[];
}

/** What happened to a group. */
export interface System {
  kind: SystemKind;
  actorId: string;
  userIds: string[];
  name: string;
  role: MemberRole;
}

/** A group as the user sees it. */
export interface Group {
  /** May be empty: then names of members stand for it. */
  name: string;
  memberCount: number;
  /** The user's own role. */
  role: MemberRole;
  /** The user is no member any more. */
  left: boolean;
  /** Picture; empty or missing without one. */
  avatarFileId?: string;
  /** Some members besides the user, to name the group after. */
  faces: string[];
}

/** One member of a group. */
export interface Member {
  userId: string;
  role: MemberRole;
}

/** A message that is answered: its position, and what a page said of it. A copy that is here is newer. */
export interface Reply {
  seq: number;
  /** Missing where only the position was told. */
  senderId?: string;
  /** Set if it shows a file: then the preview is what describes that. */
  kind?: FileKind;
  preview?: string;
  recalled?: boolean;
  edited?: boolean;
}

/** Who took a message back, and when. */
export interface Recalled {
  by: string;
  at: number;
}

/** What the server says about a conversation, as visible to this user. */
export interface Head {
  conversationId: string;
  seq: number;
  rev: number;
  membersRev: number;
  readSeq: number;
  unread: number;
  /** Unread messages that mention the user; missing in what an older version stored. */
  mentions?: number;
  /** The user is no member any more; missing in what an older version stored. */
  left?: boolean;
  /** Count of messages that the user hid here; missing where it is not told. */
  hiddenRev?: number;
}

/** A range of seq, both ends included. */
export interface Range {
  from: number;
  to: number;
}

/** One conversation with all that is needed to go on after a reload, messages left out. */
export interface Conversation {
  id: string;
  readOnly: boolean;
  /** Both sides of a direct conversation. */
  memberIds: string[];
  /** Set for a group only. */
  group?: Group;
  createdAt: number;
  activeAt: number;
  head: Head;
  /** How far each member has read. */
  markers: Record<string, number>;
  /** Everything up to here is stored, in a gap or in a recorded hole. */
  localSeq: number;
  localRev: number;
  /** Ranges that the server has and this device has not. */
  holes: Range[];
  /** Ranges that this user may not have. */
  gaps: Range[];
  /** Messages that the user hid; missing in what an older version stored. */
  hidden?: Range[];
  /** What was hidden is known up to here. */
  localHiddenRev?: number;
}

/** How far the file of an entry is. */
export interface Way {
  /** How much of it the server has, 0 to 1. */
  share: number;
  /** True while the server has no place for files: it goes on by itself. */
  held: boolean;
}

export type OutboxState = 'waiting' | 'refused' | 'stale';

/** A message of the user that is not known to be stored. */
export interface OutboxEntry {
  clientMessageId: string;
  conversationId: string;
  text: string;
  /** The message that this one answers. */
  replyToSeq?: number;
  /** The message that is forwarded; its text or file stands here for as long as it is on its way. */
  forwardOf?: { conversationId: string; seq: number };
  /** The file that is sent instead of a text. */
  file?: OutboxFile;
  createdAt: number;
  /** The running copy that sends it. */
  instanceId: string;
  state: OutboxState;
  /** Why the server refused it for good. */
  reason?: string;
}

/** A file on its way. */
export interface OutboxFile extends Omit<ChatFile, 'fileId' | 'transcript'> {
  /** The bytes; missing for a file that is forwarded. */
  blob?: Blob;
  /** Set once the server has all of it. */
  fileId?: string;
}

/** What was typed and not sent. */
export interface Draft {
  conversationId: string;
  text: string;
  /** The message that is being answered. */
  replyToSeq?: number;
  /** Whom the names in the text stand for: user ids, or "all". */
  mentions?: Record<string, string>;
  /** Files that were chosen. */
  files?: OutboxFile[];
  updatedAt: number;
}

/** What anybody may know of a user. */
export interface Person {
  userId: string;
  username: string;
  /** Empty for an account that was deleted. */
  nickname: string;
  description: string;
  /** Picture; empty or missing without one. */
  avatarFileId?: string;
  deleted?: boolean;
}

/** Where the connection stands. */
export type Phase =
  | 'SIGNED_OUT'
  | 'CONNECTING'
  | 'AUTHENTICATING'
  | 'RESUMING'
  | 'SYNCING'
  | 'LIVE'
  | 'MOVING'
  | 'WAITING'
  | 'STOPPED';
