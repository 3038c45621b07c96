// SPDX-License-Identifier: Apache-2.0
import { vi } from 'vitest';
import { Chat, type ChatPorts } from '../../src/lib/protocol/chat';
import { createClients } from '../../src/lib/protocol/clients';
import type { CloseRule } from '../../src/lib/protocol/closecodes';
import type { Phase } from '../../src/lib/protocol/model';
import type { Storage } from '../../src/lib/protocol/ports';
import { uuid4 } from '../../src/lib/protocol/uuid';
import { MemoryStorage } from '../../src/lib/storage/memory';
import { FakeServer } from '../fake/server';
import type { FakeSocket } from '../fake/socket';
import type { FakeConversation } from '../fake/state';

/** A server with two friends and their conversation. */
export interface World {
  server: FakeServer;
  alice: string;
  bob: string;
  conversation: FakeConversation;
}

export function world(): World {
  const server = new FakeServer();
  const alice = server.state.addUser('alice', 'Alice').userId;
  const bob = server.state.addUser('bob', 'Bob').userId;
  return { server, alice, bob, conversation: server.state.befriend(alice, bob) };
}

/** One running copy of the client, and what it told. */
export interface Copy {
  chat: Chat;
  storage: Storage;
  token: string;
  phases: Phase[];
  ended: CloseRule[];
  arrived: string[];
  presence: Map<string, string>;
  environment: { hidden: boolean; random: number; bytes: ChatPorts['bytes'] };
}

export function copyOf(w: World, userId: string, storage: Storage = new MemoryStorage(), token = w.server.state.login(userId).token): Copy {
  const copy: Copy = {
    storage,
    token,
    phases: [],
    ended: [],
    arrived: [],
    presence: new Map(),
    environment: { hidden: false, random: 0.5, bytes: { put: (url, part, offset) => w.server.files.put(url, part, offset), past: w.server.files.past } },
    chat: undefined as never,
  };
  copy.chat = new Chat(
    {
      me: userId,
      identity: { token, deviceId: uuid4(), instanceId: uuid4(), appVersion: 'test', locale: 'en' },
      clients: createClients(w.server.transport(() => token)),
      storage,
      open: w.server.open,
      random: () => copy.environment.random,
      hidden: () => copy.environment.hidden,
      active: () => true,
      owned: () => Promise.resolve(false),
      bytes: copy.environment.bytes,
    },
    {
      phase: (phase) => copy.phases.push(phase),
      conversation: () => undefined,
      people: () => undefined,
      presence: (id, known) => (known ? copy.presence.set(id, known.state) : copy.presence.delete(id)),
      arrived: (messages) => copy.arrived.push(...messages.map((one) => one.text ?? '')),
      ended: (rule) => copy.ended.push(rule),
    },
  );
  return copy;
}

/** Starts a copy and lets it become LIVE. */
export async function live(w: World, userId: string, storage?: Storage): Promise<Copy> {
  const copy = copyOf(w, userId, storage);
  await copy.chat.start();
  await settle();
  return copy;
}

/** Lets everything that waits for nothing but answers happen. */
export async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(1);
}

/** Texts of a conversation as this copy shows it, holes as "…". */
export function texts(copy: Copy, conversationId: string): string[] {
  const timeline = copy.chat.replica.timelines.get(conversationId);
  if (!timeline) return [];
  const { localSeq, holes } = timeline.record;
  const shown: string[] = [];
  for (let seq = 1; seq <= localSeq; seq++) {
    const message = timeline.messages.get(seq);
    if (message) shown.push(message.text ?? '?');
    else if (holes.some((hole) => hole.from <= seq && seq <= hole.to) && shown.at(-1) !== '…') shown.push('…');
  }
  return shown;
}

export function unread(copy: Copy, conversationId: string): number | undefined {
  return copy.chat.replica.timelines.get(conversationId)?.record.head.unread;
}

/** The one open socket of a user. */
export function socket(w: World, userId: string): FakeSocket {
  const open = [...w.server.sockets].filter((one) => one.userId === userId);
  if (open.length !== 1) throw new Error(`${open.length} sockets are open, want 1`);
  return open[0]!;
}
