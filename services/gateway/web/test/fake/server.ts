// SPDX-License-Identifier: Apache-2.0
import { Code, ConnectError, createRouterTransport, type ConnectRouter, type HandlerContext, type Transport } from '@connectrpc/connect';
import { EventType } from '../../src/gen/parley/event/v1/event_pb';
import { Direction, FriendService, RequestState, type FriendRequest } from '../../src/gen/parley/friend/v1/friend_pb';
import { SessionService } from '../../src/gen/parley/gateway/v1/session_pb';
import { ConversationService } from '../../src/gen/parley/message/v1/conversation_pb';
import { GapReason, MessageService, type ListMessagesRequest } from '../../src/gen/parley/message/v1/message_pb';
import { AuthService } from '../../src/gen/parley/user/v1/auth_pb';
import { UserService } from '../../src/gen/parley/user/v1/user_pb';
import { bearer } from '../../src/lib/protocol/clients';
import { FakeFiles } from './files';
import { refusal } from './refusal';
import { FakeSocket } from './socket';
import { State, type FakeConversation, type Token } from './state';

/** FakeServer answers calls and sockets from memory, in the page or in a test. */
export class FakeServer {
  readonly state = new State();
  readonly files = new FakeFiles();
  readonly sockets = new Set<FakeSocket>();
  /** Sockets opened so far. */
  opened = 0;
  /** Calls answered so far, by method name. */
  readonly calls = new Map<string, number>();
  /** When set, every call fails and sockets do not open. */
  down = false;
  /** Calls of these methods fail. */
  readonly failing = new Set<string>();
  /** When set, new sockets open and then say nothing. */
  silent = false;
  /** When set, sends are stored but not answered. */
  muteSends = false;
  /** Ranges that may not be seen, by conversation. */
  readonly gaps = new Map<string, { from: number; to: number }>();
  /** Closes a socket at its auth, with code and reason. */
  refuseAuth: [number, string] | undefined;
  /** Answers a send with a refusal instead, if it says so. */
  refuseSend: ((body: string) => { reason: string; retry: number; retryAfterMs?: number } | undefined) | undefined;
  /** Groups by the key that they were made under; when muteCreate is set, the answer is lost. */
  private readonly keys = new Map<string, FakeConversation>();
  muteCreate = false;
  /** The clock that welcome tells. */
  clock = () => Date.now();
  resumeAnswer: { reset?: boolean; complete?: boolean; limit?: number } = {};

  constructor() {
    this.state.deliver = (userId, frame) => {
      for (const socket of this.sockets) if (socket.userId === userId) socket.deliver(frame);
    };
  }

  /** A transport for the generated clients. */
  transport(token: () => string | undefined): Transport {
    const count = (method: string) => this.calls.set(method, (this.calls.get(method) ?? 0) + 1);
    return createRouterTransport((router) => this.routes(router), {
      transport: {
        interceptors: [
          bearer(token),
          (next) => (request) => {
            count(request.method.name);
            if (this.down || this.failing.has(request.method.name)) throw new ConnectError('connection refused', Code.Unavailable);
            return next(request);
          },
        ],
      },
    });
  }

  /** A socket that behaves like one of the browser. */
  open = (path: string): FakeSocket => {
    this.opened++;
    return new FakeSocket(this, path);
  };

  /** Closes all sockets with a code. */
  close(code: number, reason = ''): void {
    for (const socket of [...this.sockets]) socket.end(code, reason);
  }

  private caller(context: HandlerContext): Token {
    const token = this.state.tokens.get((context.requestHeader.get('Authorization') ?? '').replace('Bearer ', ''));
    if (!token) throw refusal(Code.Unauthenticated, 'SESSION_ENDED');
    return token;
  }

  private routes(router: ConnectRouter): void {
    const { state } = this;
    router.service(SessionService, { resolve: (_, context) => (this.caller(context), { path: '/v1/ws' }) });
    router.service(AuthService, {
      getSignInOptions: () => ({ phoneCodes: false }),
      register: (request) => {
        const taken = [...state.accounts.values()].some((one) => one.user.username === request.username.toLowerCase());
        if (taken) throw refusal(Code.AlreadyExists, 'USERNAME_TAKEN');
        const user = state.addUser(request.username.toLowerCase(), request.nickname, request.password);
        return this.signedIn(user.userId, request.device);
      },
      login: (request) => {
        const account = [...state.accounts.values()].find((one) => one.user.username === request.username.toLowerCase());
        if (account?.password !== request.password) throw refusal(Code.Unauthenticated, 'INVALID_CREDENTIALS');
        return this.signedIn(account.user.userId, request.device);
      },
      logout: (_, context) => {
        this.end(this.caller(context));
        return {};
      },
      listSessions: (_, context) => {
        const self = this.caller(context);
        const own = [...state.tokens.values()].filter((one) => one.userId === self.userId);
        return {
          sessions: own.map((one) => ({
            loginSessionId: one.sessionId,
            device: { deviceId: one.deviceId, name: one.deviceName },
            createdAt: BigInt(one.createdAt),
            lastUsedAt: BigInt(one.createdAt),
            current: one === self,
          })),
        };
      },
      revokeSession: (request, context) => {
        const self = this.caller(context);
        const target = [...state.tokens.values()].find((one) => one.userId === self.userId && one.sessionId === request.loginSessionId);
        if (!target) throw refusal(Code.NotFound, 'NOT_FOUND');
        this.end(target);
        return {};
      },
    });
    router.service(UserService, {
      getMe: (_, context) => ({ me: this.me(this.caller(context).userId) }),
      getUser: (request) => ({ user: state.accounts.get(request.userId)?.user }),
      batchGetUsers: (request) => ({ users: request.userIds.flatMap((id) => state.accounts.get(id)?.user ?? []) }),
      updateProfile: (request, context) => {
        const { user } = state.accounts.get(this.caller(context).userId)!;
        if (request.nickname !== undefined) user.nickname = request.nickname;
        if (request.avatarFileId !== undefined) user.avatarFileId = request.avatarFileId;
        if (request.description !== undefined) user.description = request.description;
        for (const id of [user.userId, ...state.friends.get(user.userId)!.keys()]) {
          state.deliver(id, { kind: { case: 'event', value: { type: EventType.USER_UPDATED, payload: { case: 'user', value: user } } } });
        }
        return { me: this.me(user.userId) };
      },
    });
    this.friendRoutes(router);
    this.messageRoutes(router);
    this.files.routes(router, (context) => this.caller(context));
  }

  private friendRoutes(router: ConnectRouter): void {
    const { state } = this;
    const tell = (request: FriendRequest, type: EventType) => {
      for (const id of [request.applicant!.userId, request.respondent!.userId]) {
        state.deliver(id, { kind: { case: 'event', value: { type, payload: { case: 'friendRequest', value: request } } } });
      }
    };
    const end = (self: string, other: string) => {
      state.unfriend(self, other);
      const value = { userId: self, friendId: other };
      for (const id of [self, other]) {
        state.deliver(id, { kind: { case: 'event', value: { type: EventType.FRIEND_REMOVED, payload: { case: 'friendRemoved', value } } } });
      }
    };
    const update = (self: string, other: string) => {
      const value = { userId: self, friendId: other, remark: state.remarks.get(self)!.get(other) ?? '', blocked: state.blocks.get(self)!.has(other) };
      state.deliver(self, { kind: { case: 'event', value: { type: EventType.FRIEND_UPDATED, payload: { case: 'friendUpdated', value } } } });
    };
    router.service(FriendService, {
      sendRequest: (request, context) => {
        const self = this.caller(context).userId;
        if (state.friends.get(self)!.has(request.userId)) throw refusal(Code.AlreadyExists, 'ALREADY_FRIENDS');
        if (state.blocks.get(self)!.has(request.userId)) throw refusal(Code.FailedPrecondition, 'USER_BLOCKED');
        const made = state.request(self, request.userId, request.text);
        tell(made, EventType.FRIEND_REQUESTED);
        return { request: made };
      },
      listRequests: (request, context) => {
        const self = this.caller(context).userId;
        const incoming = request.direction === Direction.INCOMING;
        const mine = state.requests.filter((one) => (incoming ? one.respondent : one.applicant)?.userId === self);
        return { requests: mine.filter((one) => one.state === RequestState.PENDING).reverse() };
      },
      respondToRequest: (request) => {
        const found = state.requests.find((one) => one.requestId === request.requestId);
        if (!found) throw refusal(Code.NotFound, 'REQUEST_NOT_FOUND');
        found.state = request.accept ? RequestState.ACCEPTED : RequestState.REFUSED;
        tell(found, EventType.FRIEND_RESPONDED);
        const conversationId = request.accept ? state.befriend(found.applicant!.userId, found.respondent!.userId).id : '';
        return { request: found, conversationId };
      },
      cancelRequest: (request) => {
        const found = state.requests.find((one) => one.requestId === request.requestId);
        if (found) {
          found.state = RequestState.CANCELLED;
          tell(found, EventType.FRIEND_CANCELLED);
        }
        return {};
      },
      listFriends: (_, context) => {
        const self = this.caller(context).userId;
        return {
          friends: [...state.friends.get(self)!].map(([id, since]) => ({
            user: state.accounts.get(id)!.user,
            since: BigInt(since),
            conversationId: state.between(self, id)?.id ?? '',
            remark: state.remarks.get(self)!.get(id) ?? '',
          })),
        };
      },
      removeFriend: (request, context) => {
        end(this.caller(context).userId, request.userId);
        return {};
      },
      setRemark: (request, context) => {
        const self = this.caller(context).userId;
        if (!state.friends.get(self)!.has(request.userId)) throw refusal(Code.NotFound, 'NOT_FOUND');
        state.remarks.get(self)!.set(request.userId, request.remark);
        update(self, request.userId);
        return { remark: request.remark };
      },
      blockUser: (request, context) => {
        const self = this.caller(context).userId;
        state.blocks.get(self)!.set(request.userId, Date.now());
        if (state.friends.get(self)!.has(request.userId)) end(self, request.userId);
        update(self, request.userId);
        return {};
      },
      unblockUser: (request, context) => {
        const self = this.caller(context).userId;
        state.blocks.get(self)!.delete(request.userId);
        update(self, request.userId);
        return {};
      },
      listBlocked: (_, context) => {
        const list = [...state.blocks.get(this.caller(context).userId)!];
        return { blocked: list.map(([id, since]) => ({ user: state.accounts.get(id)!.user, since: BigInt(since) })) };
      },
      searchUsers: (request, context) => {
        const self = this.caller(context).userId;
        const query = request.query.toLowerCase();
        const hits = [...state.accounts.values()].filter(
          ({ user }) => user.userId !== self && !state.apart(self, user.userId) && (user.username === query || user.nickname.toLowerCase().startsWith(query)),
        );
        return { users: hits.map(({ user }) => ({ user, friend: state.friends.get(self)!.has(user.userId) })) };
      },
    });
  }

  private messageRoutes(router: ConnectRouter): void {
    const { state } = this;
    const own = (context: HandlerContext, id: string) => {
      const { userId } = this.caller(context);
      const conversation = state.conversations.get(id);
      if (!conversation?.members.includes(userId)) throw refusal(Code.NotFound, 'NOT_FOUND');
      return { userId, conversation };
    };
    const mine = (context: HandlerContext, { conversationId, seq }: { conversationId: string; seq: bigint }, ms: number) => {
      const { userId, conversation } = own(context, conversationId);
      const message = conversation.messages[Number(seq) - 1];
      if (!message) throw refusal(Code.NotFound, 'NOT_FOUND');
      if (message.senderId !== userId) throw refusal(Code.PermissionDenied, 'FORBIDDEN');
      if (Date.now() - Number(message.sentAt) > ms) throw refusal(Code.FailedPrecondition, 'TOO_LATE');
      return { userId, conversation, message };
    };
    router.service(ConversationService, {
      listConversations: (_, context) => {
        const { userId } = this.caller(context);
        return { conversations: state.of(userId).map((one) => state.wire(one, userId)), cursor: `c${state.version}` };
      },
      getConversation: (request, context) => {
        const { userId, conversation } = own(context, request.conversationId);
        return { conversation: state.wire(conversation, userId) };
      },
      createGroup: (request, context) => {
        const { userId } = this.caller(context);
        const made = this.keys.get(request.idempotencyKey) ?? state.makeGroup(userId, request.memberIds, request.name);
        this.keys.set(request.idempotencyKey, made);
        if (this.muteCreate) throw new ConnectError('connection lost', Code.Unavailable);
        return { conversation: state.wire(made, userId) };
      },
      listMembers: (request, context) => {
        const { conversation } = own(context, request.conversationId);
        const members = conversation.members.map((id) => ({ userId: id, role: conversation.group?.roles.get(id) }));
        return { members, memberCount: members.length, membersRev: BigInt(conversation.membersRev) };
      },
      markRead: (request, context) => {
        const { userId, conversation } = own(context, request.conversationId);
        state.read(userId, conversation.id, Number(request.seq));
        return { head: state.head(conversation, userId) };
      },
    });
    router.service(MessageService, {
      listMessages: (request, context) => {
        const { userId, conversation } = own(context, request.conversationId);
        const gap = this.gaps.get(conversation.id);
        const all = range(conversation.messages, request);
        const hidden = conversation.hidden.get(userId) ?? [];
        const shown = all.filter((one) => !hidden.includes(Number(one.seq)));
        const items = shown.filter((one) => !gap || one.seq < gap.from || one.seq > gap.to).map((one) => state.withOriginal(one, userId));
        const gaps = gap && items.length < shown.length ? [{ from: BigInt(gap.from), to: BigInt(gap.to), reason: GapReason.NOT_MEMBER }] : [];
        const left = all.filter((one) => hidden.includes(Number(one.seq))).map(({ seq }) => ({ from: seq, to: seq, reason: GapReason.HIDDEN }));
        return { items, gaps: [...gaps, ...left], head: state.head(conversation, userId) };
      },
      listChanges: (request) => {
        const conversation = state.conversations.get(request.conversationId);
        const changed = conversation?.messages.filter((one) => one.rev > request.afterRev).sort((a, b) => Number(a.rev - b.rev)) ?? [];
        const items = changed.slice(0, request.limit || 50);
        return { items, upToRev: items.length < changed.length ? items.at(-1)!.rev : BigInt(conversation?.rev ?? 0) };
      },
      recall: (request, context) => {
        const { userId, message } = mine(context, request, 120_000);
        return { message: message.content.case === 'recalled' ? message : state.recall(userId, request.conversationId, Number(request.seq)) };
      },
      edit: (request, context) => {
        const { message } = mine(context, request, 24 * 3_600_000);
        if (message.content.case === 'recalled') throw refusal(Code.FailedPrecondition, 'MESSAGE_RECALLED');
        return { message: state.edit(request.conversationId, Number(request.seq), request.text!.body) };
      },
      react: (request, context) => {
        const { userId } = own(context, request.conversationId);
        return { message: state.react(userId, request.conversationId, Number(request.seq), request.emoji, request.remove) };
      },
      hideMessage: (request, context) => {
        const { userId, conversation } = own(context, request.conversationId);
        state.hide(userId, conversation.id, Number(request.seq));
        return { head: state.head(conversation, userId) };
      },
      listHidden: (request, context) => {
        const { userId, conversation } = own(context, request.conversationId);
        const all = conversation.hidden.get(userId) ?? [];
        return { seqs: all.slice(Number(request.afterRev)).map(BigInt), upToRev: BigInt(all.length) };
      },
      listVersions: (request, context) => {
        const { conversation } = own(context, request.conversationId);
        return { versions: conversation.versions.get(Number(request.seq)) ?? [] };
      },
      sync: (request, context) => this.sync(this.caller(context).userId, request.cursor),
    });
  }

  /** Heads that moved since a cursor. */
  sync(userId: string, cursor: string) {
    const { reset = cursor === '', limit = 500 } = this.resumeAnswer;
    const since = Number(cursor.slice(1)) || 0;
    const moved = this.state.of(userId).filter((one) => one.changedAt > since).reverse();
    const part = moved.slice(0, limit);
    const last = part.at(-1)?.changedAt ?? this.state.version;
    const complete = part.length === moved.length;
    return { reset, complete, heads: part.map((one) => this.state.head(one, userId)), cursor: `c${complete ? this.state.version : last}` };
  }

  private me(userId: string) {
    const account = this.state.accounts.get(userId)!;
    return { user: account.user, createdAt: BigInt(account.createdAt) };
  }

  private signedIn(userId: string, device: { deviceId: string; name: string } | undefined) {
    const token = this.state.login(userId, device?.deviceId, device?.name);
    return { user: this.me(userId), token: token.token, loginSessionId: token.sessionId };
  }

  private end(token: Token): void {
    this.state.tokens.delete(token.token);
    for (const socket of [...this.sockets]) if (socket.token === token.token) socket.end(4301, 'SESSION_REVOKED');
  }
}

function range<T>(messages: T[], request: ListMessagesRequest): T[] {
  const limit = request.limit || 50;
  switch (request.range.case) {
    case 'afterSeq':
      return messages.slice(Number(request.range.value), Number(request.untilSeq) || undefined).slice(0, limit);
    case 'atTime': {
      const { value } = request.range;
      return messages.filter((one) => (one as { sentAt?: bigint }).sentAt! >= value).slice(0, limit);
    }
    case 'beforeSeq':
      return messages.slice(0, Number(request.range.value) - 1).slice(-limit);
    default:
      return messages.slice(-limit);
  }
}
