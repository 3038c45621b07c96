// SPDX-License-Identifier: Apache-2.0
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { ClientFrameSchema, ServerFrameSchema, type ServerFrame } from '../../gen/parley/gateway/v1/frame_pb';

export const SUBPROTOCOL = 'parley.v1.proto';
const PROGRESS_MS = 10_000;
const PONG_MS = 10_000;

/** The part of a WebSocket that a connection needs; bytes only. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((data: Uint8Array) => void) | null;
  onclose: ((code: number, reason: string) => void) | null;
  send(data: Uint8Array): void;
  close(code: number): void;
}

/** A frame of the client, without its id. */
export type ClientKind = NonNullable<MessageInitShape<typeof ClientFrameSchema>['kind']>;
type AuthKind = Extract<ClientKind, { case: 'auth' }>;

/** What a connection says first, and how it lives. */
export interface Hello {
  auth: AuthKind['value'];
  cursor: string;
  /** How long to wait between two pings, ms; asked before each. */
  pingEvery(pingMs: number): number;
  /** The cursor that everything was pulled for. */
  currentCursor(): string;
  /** True if a person used the client lately. */
  active(): boolean;
}

/** What a connection tells. After closed nothing comes any more. */
export interface ConnectionEvents {
  opened(): void;
  frame(frame: ServerFrame): void;
  closed(code: number, reason: string): void;
}

/** The connection ended, or the answer did not come: the outcome is unknown. */
export class Lost extends Error {}

interface Pending {
  resolve(frame: ServerFrame): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

/** Connection speaks on one socket: it says hello, matches answers to questions and keeps it alive. */
export class Connection {
  private nextId = 1n;
  private readonly pending = new Map<bigint, Pending>();
  private resumed = false;
  private progress: ReturnType<typeof setTimeout> | undefined;
  private pinger: ReturnType<typeof setTimeout> | undefined;
  private pingMs = 25_000;
  private over = false;

  constructor(
    private readonly socket: Socket,
    private readonly hello: Hello,
    private readonly events: ConnectionEvents,
  ) {
    this.expectProgress();
    socket.onopen = () => this.open();
    socket.onmessage = (data) => this.receive(data);
    socket.onclose = (code, reason) => this.end(code, reason);
  }

  /** Sends a frame that gets no answer. */
  tell(kind: ClientKind): void {
    this.write(0n, kind);
  }

  /** Sends a frame and waits for its answer; fails with Lost. */
  ask(kind: ClientKind, timeoutMs: number): Promise<ServerFrame> {
    if (this.over) return Promise.reject(new Lost('closed'));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(new Lost('no answer'));
      }, timeoutMs);
      this.pending.set(id, { resolve, reject, timer });
      this.write(id, kind);
    });
  }

  /** Asks for a sign of life now; without one the connection ends. */
  ping(): void {
    if (this.over) return;
    clearTimeout(this.pinger);
    const kind: ClientKind = { case: 'ping', value: { cursor: this.hello.currentCursor(), active: this.hello.active() } };
    this.ask(kind, PONG_MS).then(
      () => this.schedulePing(),
      () => this.drop(),
    );
  }

  /** Ends the connection by own wish; closed is not told. */
  close(): void {
    if (this.over) return;
    this.finish();
    this.socket.close(1000);
  }

  private drop(): void {
    if (this.over) return;
    this.socket.close(1000);
    this.end(1006, '');
  }

  private open(): void {
    this.expectProgress();
    this.events.opened();
    this.write(this.nextId++, { case: 'auth', value: this.hello.auth });
    this.write(this.nextId++, { case: 'resume', value: { cursor: this.hello.cursor } });
  }

  private write(id: bigint, kind: ClientKind): void {
    if (this.over) return;
    this.socket.send(toBinary(ClientFrameSchema, create(ClientFrameSchema, { id, kind })));
  }

  private receive(data: Uint8Array): void {
    if (this.over) return;
    let frame: ServerFrame;
    try {
      frame = fromBinary(ServerFrameSchema, data);
    } catch (error) {
      console.warn('a frame could not be decoded', error);
      this.ping();
      return;
    }
    if (frame.kind.case === 'welcome') this.welcomed(Number(frame.kind.value.pingMs));
    if (frame.kind.case === 'resumed') this.alive();
    const waiting = this.pending.get(frame.re);
    if (waiting) {
      this.pending.delete(frame.re);
      clearTimeout(waiting.timer);
    }
    this.events.frame(frame);
    waiting?.resolve(frame);
  }

  private welcomed(pingMs: number): void {
    if (pingMs > 0) this.pingMs = pingMs;
    if (!this.resumed) this.expectProgress();
  }

  private alive(): void {
    this.resumed = true;
    clearTimeout(this.progress);
    // Others see at once that somebody is there, not only with the next sign of life.
    if (this.hello.active()) this.ping();
    else this.schedulePing();
  }

  private expectProgress(): void {
    clearTimeout(this.progress);
    this.progress = setTimeout(() => this.drop(), PROGRESS_MS);
  }

  private schedulePing(): void {
    if (this.over) return;
    clearTimeout(this.pinger);
    this.pinger = setTimeout(() => this.ping(), this.hello.pingEvery(this.pingMs));
  }

  private end(code: number, reason: string): void {
    if (this.over) return;
    this.finish();
    this.events.closed(code, reason);
  }

  private finish(): void {
    this.over = true;
    clearTimeout(this.progress);
    clearTimeout(this.pinger);
    for (const waiting of this.pending.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(new Lost('closed'));
    }
    this.pending.clear();
  }
}
