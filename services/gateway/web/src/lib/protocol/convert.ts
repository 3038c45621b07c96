// SPDX-License-Identifier: Apache-2.0
// From the generated messages to the client's own plain objects.
import type { System as WireSystem } from '../../gen/parley/message/v1/system_pb';
import { ConversationKind, ConversationState, type Conversation as WireConversation } from '../../gen/parley/message/v1/conversation_pb';
import { ContentKind, type FileInfo, type Forward as WireForward, type Head as WireHead, type Message as WireMessage, type Reply as WireReply, type Sent, type Transcript as WireTranscript } from '../../gen/parley/message/v1/message_pb';
import type { User } from '../../gen/parley/user/v1/user_pb';
import type { ChatFile, ChatMessage, Conversation, FileKind, Head, OutboxEntry, OutboxFile, Person, Reply, Source, System, Transcript } from './model';

const KINDS: Partial<Record<ContentKind, FileKind>> = { [ContentKind.IMAGE]: 'image', [ContentKind.FILE]: 'file', [ContentKind.VOICE]: 'voice' };

/** Takes a message as the server sent it. Content of an unknown kind becomes a message without text. */
export function toMessage(wire: WireMessage): ChatMessage {
  const { content } = wire;
  return {
    conversationId: wire.conversationId,
    seq: Number(wire.seq),
    messageId: wire.messageId,
    clientMessageId: wire.clientMessageId,
    senderId: wire.senderId,
    sentAt: Number(wire.sentAt),
    rev: Number(wire.rev),
    editedAt: Number(wire.editedAt),
    text: content.case === 'text' ? content.value.body : undefined,
    file: toFile(content),
    recalled: content.case === 'recalled' ? { by: content.value.by, at: Number(content.value.at) } : undefined,
    replyTo: wire.replyTo && toReply(wire.replyTo),
    mentionIds: [...wire.mentionIds],
    mentionsAll: wire.mentionsAll,
    forwarded: wire.forward !== undefined,
    reactions: wire.reactions.map(({ emoji, count, userIds }) => ({ emoji, count, userIds: [...userIds] })),
    system: content.case === 'system' ? toSystem(content.value) : undefined,
  };
}

function toFile({ case: kind, value }: WireMessage['content']): ChatFile | undefined {
  switch (kind) {
    case 'image':
      return { kind, ...toInfo(value.file), width: value.width, height: value.height, alt: value.alt };
    case 'file':
      return { kind, ...toInfo(value.file) };
    case 'voice': {
      const { durationMs, waveform, transcript } = value;
      return { kind, ...toInfo(value.file), durationMs, waveform: [...waveform], transcript: transcript && toTranscript(transcript) };
    }
    default:
      return undefined;
  }
}

function toInfo(info: FileInfo | undefined) {
  return { fileId: info?.fileId ?? '', name: info?.name ?? '', size: Number(info?.size ?? 0), type: info?.contentType ?? '' };
}

function toTranscript({ state, text, language, confidence }: WireTranscript): Transcript {
  return { state, text, language, confidence };
}

function toSystem({ kind, actorId, userIds, name, role }: WireSystem): System {
  return { kind, actorId, userIds: [...userIds], name, role };
}

function toReply({ seq, senderId, kind, preview, recalled, edited }: WireReply): Reply {
  return senderId === '' ? { seq: Number(seq) } : { seq: Number(seq), senderId, kind: KINDS[kind], preview, recalled, edited };
}

/** Takes a message of a page, which tells more than a frame: where a text was copied from. */
export function toPageMessage(wire: WireMessage): ChatMessage {
  return { ...toMessage(wire), source: wire.forward && toSource(wire.forward) };
}

function toSource({ conversationId, seq, senderId, sentAt }: WireForward): Source | null {
  return conversationId === '' ? null : { conversationId, seq: Number(seq), senderId, sentAt: Number(sentAt) };
}

/** Makes the message that a committed send became. */
export function toSentMessage(entry: OutboxEntry, sent: Sent, userId: string): ChatMessage {
  return {
    conversationId: entry.conversationId,
    seq: Number(sent.seq),
    messageId: sent.messageId,
    clientMessageId: entry.clientMessageId,
    senderId: userId,
    sentAt: Number(sent.sentAt),
    rev: 0,
    text: entry.file ? undefined : entry.text,
    file: entry.file && sentFile(entry.file),
    replyTo: entry.replyToSeq ? { seq: entry.replyToSeq } : undefined,
    forwarded: entry.forwardOf !== undefined,
  };
}

function sentFile({ kind, fileId = '', name, size, type, width, height, alt, durationMs, waveform }: OutboxFile): ChatFile {
  return { kind, fileId, name, size, type, width, height, alt, durationMs, waveform };
}

/** Takes a head as the server sent it. */
export function toHead(wire: WireHead): Head {
  return {
    conversationId: wire.conversationId,
    seq: Number(wire.seq),
    rev: Number(wire.rev),
    membersRev: Number(wire.membersRev),
    readSeq: Number(wire.readSeq),
    unread: wire.unread,
    mentions: wire.mentions,
    left: wire.left,
    hiddenRev: Number(wire.hiddenRev),
  };
}

/** Makes a conversation of which nothing is stored yet: all of it is one hole. */
export function toConversation(wire: WireConversation): Conversation {
  const head = wire.head ? toHead(wire.head) : emptyHead(wire.conversationId);
  const markers: Record<string, number> = {};
  for (const marker of wire.markers) markers[marker.userId] = Number(marker.seq);
  return {
    id: wire.conversationId,
    readOnly: wire.state === ConversationState.READ_ONLY,
    memberIds: [...wire.memberIds],
    group:
      wire.kind === ConversationKind.GROUP
        ? { name: wire.name, memberCount: wire.memberCount, role: wire.role, left: head.left === true, avatarFileId: wire.avatarFileId, faces: [] }
        : undefined,
    createdAt: Number(wire.createdAt),
    activeAt: Number(wire.activeAt),
    head,
    markers,
    localSeq: head.seq,
    localRev: head.rev,
    localHiddenRev: head.hiddenRev,
    holes: head.seq > 0 ? [{ from: 1, to: head.seq }] : [],
    gaps: [],
  };
}

/** A head of a conversation of which nothing is known. */
export function emptyHead(conversationId: string): Head {
  return { conversationId, seq: 0, rev: 0, membersRev: 0, readSeq: 0, unread: 0 };
}

/** Takes a profile as the server sent it. */
export function toPerson(wire: User): Person {
  // The server names a deleted account in English: an empty name is shown in the reader's own words.
  if (wire.deleted) return { userId: wire.userId, username: '', nickname: '', description: '', deleted: true };
  return { userId: wire.userId, username: wire.username, nickname: wire.nickname, description: wire.description, avatarFileId: wire.avatarFileId };
}
