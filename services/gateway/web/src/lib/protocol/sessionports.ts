// SPDX-License-Identifier: Apache-2.0
import type { ServerFrame } from '../../gen/parley/gateway/v1/frame_pb';
import type { SyncResponse } from '../../gen/parley/message/v1/message_pb';
import type { CloseRule } from './closecodes';
import type { Socket } from './connection';
import type { Phase } from './model';

/** Who connects. */
export interface Identity {
  token: string;
  deviceId: string;
  instanceId: string;
  appVersion: string;
  locale: string;
}

/** Where to connect, and how long to wait first, ms. */
export interface Address {
  path: string;
  afterMs: number;
}

/** What the session stands on. */
export interface SessionPorts {
  identity: Identity;
  resolve(): Promise<Address>;
  open(path: string): Socket;
  random(): number;
  hidden(): boolean;
  active(): boolean;
}

/** What the session tells. */
export interface SessionEvents {
  phase(phase: Phase): void;
  /** The cursor to resume from; empty asks for everything. */
  cursor(): string;
  /** Heads came: answers when all is pulled, or undefined if there was nothing to pull. */
  resumed(response: SyncResponse): Promise<void> | undefined;
  frame(frame: ServerFrame): void;
  /** Sends are allowed from now on. */
  ready(): void;
  /** A connection is LIVE that was not before. */
  connected(): void;
  /** The user must sign in again, or the client must stop; no reconnect follows. */
  ended(rule: CloseRule): void;
}

/** Thrown by resolve when the token is not valid any more. */
export class LoginNeeded extends Error {
  constructor(readonly rule: CloseRule) {
    super(rule.name);
  }
}
