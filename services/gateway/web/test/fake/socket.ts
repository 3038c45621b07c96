// SPDX-License-Identifier: Apache-2.0
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ClientFrameSchema, Retry, ServerFrameSchema, type ClientFrame } from '../../src/gen/parley/gateway/v1/frame_pb';
import type { Socket } from '../../src/lib/protocol/connection';
import { uuid4 } from '../../src/lib/protocol/uuid';
import type { FakeServer } from './server';
import type { FrameInit } from './state';

/** FakeSocket is both ends of one WebSocket. */
export class FakeSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((data: Uint8Array) => void) | null = null;
  onclose: ((code: number, reason: string) => void) | null = null;
  userId: string | undefined;
  token: string | undefined;
  /** Code with which the client closed, if it did. */
  closedByClient: number | undefined;
  /** Frames that came from the client. */
  readonly received: ClientFrame[] = [];
  /** When set, nothing is answered and nothing is pushed. */
  silent = false;
  /** Whose presence is followed. */
  watched: readonly string[] = [];
  private over = false;

  constructor(
    private readonly server: FakeServer,
    readonly path: string,
  ) {
    this.silent = server.silent;
    queueMicrotask(() => {
      if (this.over) return;
      if (this.server.down) this.end(1006, '');
      else {
        this.server.sockets.add(this);
        this.onopen?.();
      }
    });
  }

  send(data: Uint8Array): void {
    const frame = fromBinary(ClientFrameSchema, data);
    this.received.push(frame);
    if (!this.silent) queueMicrotask(() => this.handle(frame));
  }

  close(code: number): void {
    this.closedByClient = code;
    this.over = true;
    this.server.sockets.delete(this);
  }

  /** The server ends the socket. */
  end(code: number, reason: string): void {
    if (this.over) return;
    this.over = true;
    this.server.sockets.delete(this);
    this.onclose?.(code, reason);
  }

  /** The server sends a frame. */
  deliver(frame: FrameInit): void {
    if (this.silent) return;
    this.bytes(toBinary(ServerFrameSchema, create(ServerFrameSchema, frame)));
  }

  /** The server sends bytes, whatever they are. */
  bytes(data: Uint8Array): void {
    queueMicrotask(() => {
      if (!this.over) this.onmessage?.(data);
    });
  }

  /** Kinds of the frames that came from the client. */
  get kinds(): string[] {
    return this.received.map((frame) => frame.kind.case ?? '');
  }

  /** Tells how watched people are, as far as that is known. */
  tellPresence(userIds: readonly string[]): void {
    const { presence } = this.server.state;
    const items = userIds.filter((id) => this.watched.includes(id) && presence.has(id)).map((userId) => ({ userId, state: presence.get(userId)! }));
    if (items.length > 0) this.deliver({ kind: { case: 'presence', value: { items } } });
  }

  private handle(frame: ClientFrame): void {
    if (this.over) return;
    const { state } = this.server;
    const { kind, id: re } = frame;
    switch (kind.case) {
      case 'auth': {
        const token = state.tokens.get(kind.value.token);
        if (this.server.refuseAuth) return this.end(...this.server.refuseAuth);
        if (!token) return this.end(4305, 'AUTH_FAILED');
        this.userId = token.userId;
        this.token = token.token;
        const epoch = BigInt(Math.max(Date.now(), Number(kind.value.lastEpoch) + 1));
        const value = { sessionId: uuid4(), epoch, userId: token.userId, serverTime: BigInt(this.server.clock()), pingMs: 25_000n };
        return this.deliver({ re, kind: { case: 'welcome', value } });
      }
      case 'resume':
        if (!this.userId) return;
        return this.deliver({ re, kind: { case: 'resumed', value: this.server.sync(this.userId, kind.value.cursor) } });
      case 'ping': {
        const since = Number(kind.value.cursor.slice(1)) || state.version;
        const heads = state.of(this.userId!).filter((one) => one.changedAt > since).map((one) => state.publicHead(one));
        const value = { serverTime: BigInt(Date.now()), complete: true, heads, cursor: `c${state.version}` };
        return this.deliver({ re, kind: { case: 'pong', value } });
      }
      case 'send': {
        const { conversationId, clientMessageId, content, replyToSeq, forwardOf } = kind.value;
        const body = content?.kind.case === 'text' ? content.kind.value.body : '';
        const refused = state.conversations.get(conversationId)?.readOnly
          ? { reason: 'CONVERSATION_READ_ONLY', retry: Retry.NEVER }
          : !forwardOf && state.reused(conversationId, clientMessageId, body)
            ? { reason: 'CLIENT_MESSAGE_ID_REUSED', retry: Retry.NEVER }
            : this.server.refuseSend?.(body);
        if (refused) {
          return this.deliver({ re, kind: { case: 'error', value: { ...refused, retryAfterMs: BigInt(refused.retryAfterMs ?? 0) } } });
        }
        const sent = forwardOf
          ? state.forward(this.userId!, conversationId, forwardOf.conversationId, Number(forwardOf.seq), clientMessageId)
          : content && content.kind.case !== 'text'
            ? state.sendFile(this.userId!, conversationId, content, (id) => this.server.files.file(id), clientMessageId)
            : state.send(this.userId!, conversationId, body, clientMessageId, true, Date.now(), replyToSeq);
        if (!this.server.muteSends) this.deliver({ re, kind: { case: 'sent', value: sent } });
        return;
      }
      case 'read':
        return state.read(this.userId!, kind.value.conversationId, Number(kind.value.seq));
      case 'watch': {
        this.watched = kind.value.userIds;
        return this.tellPresence(this.watched);
      }
      case 'typing': {
        const { conversationId, state: typing } = kind.value;
        for (const id of state.conversations.get(conversationId)?.members ?? []) {
          if (id !== this.userId) state.deliver(id, { kind: { case: 'typing', value: { conversationId, userId: this.userId, state: typing } } });
        }
      }
    }
  }
}
