// SPDX-License-Identifier: Apache-2.0
// What the fake server knows. One process, nothing stored, no limits: only what clients can observe.
import { clone, create, type MessageInitShape } from '@bufbuild/protobuf';
import { RequestState, type FriendRequest, FriendRequestSchema } from '../../src/gen/parley/friend/v1/friend_pb';
import { ChangeKind, PresenceState, ServerFrameSchema } from '../../src/gen/parley/gateway/v1/frame_pb';
import { ConversationKind, ConversationSchema, ConversationState, type Conversation } from '../../src/gen/parley/message/v1/conversation_pb';
import {
  AttachmentSchema,
  FileInfoSchema,
  ForwardSchema,
  HeadSchema,
  ImageSchema,
  MessageSchema,
  ReactionSchema,
  RecalledSchema,
  ReplySchema,
  SentSchema,
  TextSchema,
  VersionSchema,
  VoiceSchema,
  type Content,
  type Head,
  type Message,
  type Sent,
  type Version,
} from '../../src/gen/parley/message/v1/message_pb';
import { MemberRole, SystemKind, type System, type SystemSchema } from '../../src/gen/parley/message/v1/system_pb';
import { UserSchema, type User } from '../../src/gen/parley/user/v1/user_pb';
import { uuid4, uuid7 } from '../../src/lib/protocol/uuid';

export type FrameInit = MessageInitShape<typeof ServerFrameSchema>;

export interface Account {
  user: User;
  password: string;
  createdAt: number;
}

export interface FakeConversation {
  id: string;
  members: string[];
  /** Set for a group only. */
  group?: { name: string; roles: Map<string, MemberRole> };
  readOnly: boolean;
  createdAt: number;
  membersRev: number;
  rev: number;
  messages: Message[];
  /** What edited messages said before, by seq. */
  versions: Map<number, Version[]>;
  read: Map<string, number>;
  /** What each member hid, in this order. */
  hidden: Map<string, number[]>;
  changedAt: number;
}

export interface Token {
  token: string;
  userId: string;
  sessionId: string;
  deviceId: string;
  deviceName: string;
  createdAt: number;
}

/** State is the data of the fake server and the rules on it. */
export class State {
  readonly accounts = new Map<string, Account>();
  readonly tokens = new Map<string, Token>();
  readonly conversations = new Map<string, FakeConversation>();
  readonly requests: FriendRequest[] = [];
  readonly friends = new Map<string, Map<string, number>>();
  /** Whom each user blocks, and the remarks of each user about friends. */
  readonly blocks = new Map<string, Map<string, number>>();
  readonly remarks = new Map<string, Map<string, string>>();
  /** How people are, where that is known; who hides it is not in it. */
  readonly presence = new Map<string, PresenceState>();
  /** Grows with each change: it is the cursor. */
  version = 1;
  /** Sends a frame to all sockets of a user. */
  deliver: (userId: string, frame: FrameInit) => void = () => {};

  addUser(username: string, nickname: string, password = 'correct horse', description = ''): User {
    const user = create(UserSchema, { userId: uuid7(), username, nickname, description });
    this.accounts.set(user.userId, { user, password, createdAt: Date.now() });
    this.friends.set(user.userId, new Map());
    this.blocks.set(user.userId, new Map());
    this.remarks.set(user.userId, new Map());
    return user;
  }

  login(userId: string, deviceId = uuid4(), deviceName = ''): Token {
    const token: Token = { token: `parley_s1_${uuid4()}`, userId, sessionId: uuid7(), deviceId, deviceName, createdAt: Date.now() };
    this.tokens.set(token.token, token);
    return token;
  }

  request(from: string, to: string, text: string): FriendRequest {
    const request = create(FriendRequestSchema, {
      requestId: uuid7(),
      applicant: this.accounts.get(from)!.user,
      respondent: this.accounts.get(to)!.user,
      text,
      state: RequestState.PENDING,
      createdAt: BigInt(Date.now()),
    });
    this.requests.push(request);
    return request;
  }

  befriend(a: string, b: string): FakeConversation {
    this.friends.get(a)!.set(b, Date.now());
    this.friends.get(b)!.set(a, Date.now());
    const known = this.between(a, b);
    const conversation: FakeConversation = known ?? {
      id: uuid7(),
      members: [a, b],
      readOnly: false,
      createdAt: Date.now(),
      membersRev: 0,
      rev: 0,
      messages: [],
      versions: new Map(),
      read: new Map(),
      hidden: new Map(),
      changedAt: 0,
    };
    conversation.readOnly = false;
    conversation.membersRev++;
    conversation.changedAt = ++this.version;
    this.conversations.set(conversation.id, conversation);
    for (const id of conversation.members) this.deliver(id, { kind: { case: 'conversation', value: this.wire(conversation) } });
    return conversation;
  }

  /** Makes a group; push false keeps all frames away. */
  makeGroup(owner: string, others: string[], name: string, push = true): FakeConversation {
    const members = [owner, ...others];
    const roles = new Map(members.map((id) => [id, id === owner ? MemberRole.OWNER : MemberRole.MEMBER]));
    const group: FakeConversation = {
      id: uuid7(),
      members,
      group: { name, roles },
      readOnly: false,
      createdAt: Date.now(),
      membersRev: 1,
      rev: 0,
      messages: [],
      versions: new Map(),
      read: new Map(),
      hidden: new Map(),
      changedAt: ++this.version,
    };
    this.conversations.set(group.id, group);
    this.tell(group, { kind: SystemKind.CREATED, actorId: owner, userIds: others, name }, push);
    return group;
  }

  /** Lets the server say something in a group. */
  tell(group: FakeConversation, what: MessageInitShape<typeof SystemSchema>, push = true): void {
    const message = create(MessageSchema, {
      conversationId: group.id,
      seq: BigInt(group.messages.length + 1),
      messageId: uuid7(),
      senderId: what.actorId,
      sentAt: BigInt(Date.now()),
      content: { case: 'system', value: what as System },
    });
    group.messages.push(message);
    group.changedAt = ++this.version;
    if (!push) return;
    this.push(message);
    for (const id of group.members) this.deliver(id, { kind: { case: 'conversation', value: this.wire(group) } });
  }

  setRole(group: FakeConversation, actorId: string, userId: string, role: MemberRole): void {
    group.group!.roles.set(userId, role);
    group.membersRev++;
    this.tell(group, { kind: SystemKind.ROLE_CHANGED, actorId, userIds: [userId], role });
  }

  unfriend(a: string, b: string): void {
    this.friends.get(a)!.delete(b);
    this.friends.get(b)!.delete(a);
    this.remarks.get(a)!.delete(b);
    this.remarks.get(b)!.delete(a);
    const conversation = this.between(a, b);
    if (!conversation) return;
    conversation.readOnly = true;
    conversation.membersRev++;
    conversation.changedAt = ++this.version;
    for (const id of conversation.members) this.deliver(id, { kind: { case: 'conversation', value: this.wire(conversation) } });
  }

  apart(a: string, b: string): boolean {
    return this.blocks.get(a)!.has(b) || this.blocks.get(b)!.has(a);
  }

  between(a: string, b: string): FakeConversation | undefined {
    return [...this.conversations.values()].find((one) => !one.group && one.members.includes(a) && one.members.includes(b));
  }

  /** True if another text was sent under the id. */
  reused(conversationId: string, clientMessageId: string, body: string): boolean {
    const known = this.conversations.get(conversationId)?.messages.find((one) => one.clientMessageId === clientMessageId);
    return known?.content.case === 'text' && known.content.value.body !== body && known.editedAt === 0n;
  }

  /** Stores a message once per client id; push false keeps the frame away from everybody. */
  send(senderId: string, conversationId: string, body: string, clientMessageId = uuid7(), push = true, sentAt = Date.now(), replyToSeq = 0n): Sent {
    const conversation = this.conversations.get(conversationId)!;
    let message = conversation.messages.find((one) => one.clientMessageId === clientMessageId);
    if (!message) {
      message = create(MessageSchema, {
        conversationId,
        seq: BigInt(conversation.messages.length + 1),
        messageId: uuid7(),
        clientMessageId,
        senderId,
        sentAt: BigInt(sentAt),
        content: { case: 'text', value: { body } },
        replyTo: replyToSeq > 0n ? { seq: replyToSeq } : undefined,
      });
      conversation.messages.push(message);
      conversation.read.set(senderId, Number(message.seq));
      conversation.changedAt = ++this.version;
      if (push) this.push(message);
    }
    const { messageId, seq } = message;
    return create(SentSchema, { conversationId, clientMessageId, messageId, seq, sentAt: message.sentAt });
  }

  /** Stores a message with a file. */
  sendFile(senderId: string, conversationId: string, content: Content, fileOf: (fileId: string) => { fileId: string; name: string; size: bigint; contentType: string } | undefined, clientMessageId = uuid7()): Sent {
    const sent = this.send(senderId, conversationId, '', clientMessageId, false);
    const message = this.conversations.get(conversationId)!.messages[Number(sent.seq) - 1]!;
    const { kind } = content;
    const info = kind.case && kind.case !== 'text' ? fileOf(kind.value.fileId) : undefined;
    const file = info && create(FileInfoSchema, info);
    if (kind.case === 'image') message.content = { case: 'image', value: create(ImageSchema, { file, width: 4, height: 3, alt: kind.value.alt }) };
    else if (kind.case === 'file') message.content = { case: 'file', value: create(AttachmentSchema, { file }) };
    else if (kind.case === 'voice') message.content = { case: 'voice', value: create(VoiceSchema, { file, durationMs: kind.value.durationMs, waveform: kind.value.waveform }) };
    this.push(message);
    return sent;
  }

  /** Stores a copy of a message. */
  forward(senderId: string, conversationId: string, from: string, seq: number, clientMessageId = uuid7(), push = true): Sent {
    const source = this.conversations.get(from)!.messages[seq - 1]!;
    const body = source.content.case === 'text' ? source.content.value.body : '';
    const sent = this.send(senderId, conversationId, body, clientMessageId, false);
    const message = this.conversations.get(conversationId)!.messages[Number(sent.seq) - 1]!;
    if (message.forward) return sent;
    message.forward = create(ForwardSchema, { conversationId: from, seq: BigInt(seq), senderId: source.senderId, sentAt: source.sentAt });
    if (push) this.push(message);
    return sent;
  }

  /** A message as a page tells it to a user: with what it answers, and where it was copied from. */
  withOriginal(whole: Message, userId: string): Message {
    const hidden = whole.forward && !this.conversations.get(whole.forward.conversationId)?.members.includes(userId);
    const message = hidden ? withoutSource(whole) : whole;
    const original = message.replyTo && this.conversations.get(message.conversationId)!.messages[Number(message.replyTo.seq) - 1];
    if (!original) return message;
    const recalled = original.content.case === 'recalled';
    const preview = original.content.case === 'text' ? original.content.value.body.slice(0, 140) : '';
    const { seq, senderId, editedAt } = original;
    return create(MessageSchema, { ...message, replyTo: create(ReplySchema, { seq, senderId, preview, recalled, edited: editedAt > 0n }) });
  }

  recall(by: string, conversationId: string, seq: number, push = true): Message {
    return this.change(conversationId, seq, ChangeKind.RECALLED, push, (message) => {
      message.editedAt = 0n;
      message.content = { case: 'recalled', value: create(RecalledSchema, { by, at: BigInt(Date.now()) }) };
    });
  }

  edit(conversationId: string, seq: number, body: string, push = true): Message {
    return this.change(conversationId, seq, ChangeKind.EDITED, push, (message, { versions }) => {
      const before = versions.get(seq) ?? [];
      const text = message.content.case === 'text' ? message.content.value : undefined;
      before.push(create(VersionSchema, { number: before.length + 1, writtenAt: message.editedAt || message.sentAt, text }));
      versions.set(seq, before);
      message.editedAt = BigInt(Date.now());
      message.content = { case: 'text', value: create(TextSchema, { body }) };
    });
  }

  react(userId: string, conversationId: string, seq: number, emoji: string, remove: boolean): Message {
    return this.change(conversationId, seq, ChangeKind.REACTED, true, (message) => {
      const others = message.reactions.filter((one) => one.emoji !== emoji);
      const givers = message.reactions.find((one) => one.emoji === emoji)?.userIds.filter((id) => id !== userId) ?? [];
      const userIds = remove ? givers : [...givers, userId];
      message.reactions = userIds.length > 0 ? [...others, create(ReactionSchema, { emoji, count: userIds.length, userIds })] : others;
    });
  }

  private change(id: string, seq: number, kind: ChangeKind, push: boolean, work: (message: Message, conversation: FakeConversation) => void): Message {
    const conversation = this.conversations.get(id)!;
    // What was sent before must not change with it.
    const message = clone(MessageSchema, conversation.messages[seq - 1]!);
    work(message, conversation);
    message.rev = BigInt(++conversation.rev);
    conversation.messages[seq - 1] = message;
    conversation.changedAt = ++this.version;
    if (push) {
      for (const member of conversation.members) {
        this.deliver(member, { kind: { case: 'change', value: { conversationId: id, rev: message.rev, kind, message } } });
      }
    }
    return message;
  }

  push(message: Message): void {
    for (const id of this.conversations.get(message.conversationId)!.members) {
      this.deliver(id, { kind: { case: 'messages', value: { conversationId: message.conversationId, items: [withoutSource(message)] } } });
    }
  }

  hide(userId: string, conversationId: string, seq: number, push = true): void {
    const conversation = this.conversations.get(conversationId)!;
    const hidden = conversation.hidden.get(userId) ?? [];
    if (hidden.includes(seq)) return;
    conversation.hidden.set(userId, [...hidden, seq]);
    conversation.changedAt = ++this.version;
    if (push) this.deliver(userId, { kind: { case: 'hidden', value: { conversationId, userId, seq: BigInt(seq) } } });
  }

  read(userId: string, conversationId: string, seq: number): void {
    const conversation = this.conversations.get(conversationId);
    if (!conversation) return;
    const target = Math.min(seq, conversation.messages.length);
    if (target <= (conversation.read.get(userId) ?? 0)) return;
    conversation.read.set(userId, target);
    conversation.changedAt = ++this.version;
    for (const id of conversation.members) {
      this.deliver(id, { kind: { case: 'read', value: { conversationId, userId, seq: BigInt(target) } } });
    }
  }

  of(userId: string): FakeConversation[] {
    return [...this.conversations.values()].filter((one) => one.members.includes(userId)).sort((a, b) => b.changedAt - a.changedAt);
  }

  head(conversation: FakeConversation, userId: string): Head {
    const readSeq = conversation.read.get(userId) ?? 0;
    const hidden = conversation.hidden.get(userId) ?? [];
    const unread = conversation.messages.filter((one) => Number(one.seq) > readSeq && one.senderId !== userId && one.content.case === 'text' && !hidden.includes(Number(one.seq))).length;
    return create(HeadSchema, { ...this.publicHead(conversation), readSeq: BigInt(readSeq), unread, hiddenRev: BigInt(hidden.length) });
  }

  publicHead(conversation: FakeConversation): MessageInitShape<typeof HeadSchema> {
    return {
      conversationId: conversation.id,
      seq: BigInt(conversation.messages.length),
      rev: BigInt(conversation.rev),
      membersRev: BigInt(conversation.membersRev),
    };
  }

  /** The conversation as one user may see it, or as a frame carries it. */
  wire(conversation: FakeConversation, userId?: string): Conversation {
    const hidden = (userId && conversation.hidden.get(userId)) || [];
    const last = conversation.messages.findLast((one) => !hidden.includes(Number(one.seq)));
    return create(ConversationSchema, {
      conversationId: conversation.id,
      kind: conversation.group ? ConversationKind.GROUP : ConversationKind.DIRECT,
      name: conversation.group?.name,
      memberCount: conversation.group ? conversation.members.length : 0,
      role: (userId && conversation.group?.roles.get(userId)) || MemberRole.UNSPECIFIED,
      state: conversation.readOnly ? ConversationState.READ_ONLY : ConversationState.OPEN,
      memberIds: conversation.group ? [] : [...conversation.members],
      createdAt: BigInt(conversation.createdAt),
      activeAt: last?.sentAt ?? BigInt(conversation.createdAt),
      head: userId ? this.head(conversation, userId) : this.publicHead(conversation),
      lastMessage: userId ? last : undefined,
      markers: userId ? [...conversation.read].map(([id, seq]) => ({ userId: id, seq: BigInt(seq) })) : [],
    });
  }
}

// Frames and strangers hear only that a text was copied.
function withoutSource(message: Message): Message {
  return message.forward ? create(MessageSchema, { ...message, forward: create(ForwardSchema) }) : message;
}
