// SPDX-License-Identifier: Apache-2.0
import 'fake-indexeddb/auto';
import { describe, expect, it } from 'vitest';
import type { ChatMessage, Conversation } from '../src/lib/protocol/model';
import type { Storage } from '../src/lib/protocol/ports';
import { Saver } from '../src/lib/protocol/saver';
import { Timeline, unknownConversation } from '../src/lib/protocol/timeline';
import { openStorage } from '../src/lib/storage/idb';
import { MemoryStorage } from '../src/lib/storage/memory';

let users = 0;
const kinds: [string, () => Promise<Storage>][] = [
  ['IndexedDB', () => openStorage(`user-${users++}`)],
  ['memory', () => Promise.resolve(new MemoryStorage())],
];
const record = (id: string, localSeq = 0, activeAt = 1): Conversation => ({ ...unknownConversation(id), localSeq, activeAt });
const message = (conversationId: string, seq: number): ChatMessage => ({
  conversationId,
  seq,
  messageId: `${conversationId}-${seq}`,
  clientMessageId: '',
  senderId: 'bob',
  sentAt: seq,
  rev: 0,
  text: `t${seq}`,
});

describe.each(kinds)('storage in %s', (_, open) => {
  it('answers what was saved, messages in order', async () => {
    const storage = await open();
    await storage.save([record('a', 2)], [message('a', 2), message('a', 1), message('b', 1)]);
    expect((await storage.loadConversations()).map((one) => one.id)).toEqual(['a']);
    expect((await storage.loadMessages('a')).map((one) => one.seq)).toEqual([1, 2]);
  });

  it('does not let a tab that is behind undo one that is ahead', async () => {
    const storage = await open();
    await storage.save([record('a', 9)], []);
    await storage.save([record('a', 4)], []);
    expect((await storage.loadConversations())[0]?.localSeq).toBe(9);
  });

  it('keeps outbox, drafts, people and values', async () => {
    const storage = await open();
    const entry = { clientMessageId: 'k', conversationId: 'a', text: 'hi', createdAt: 1, instanceId: 'i', state: 'waiting' as const };
    await storage.putOutbox(entry);
    await storage.putDraft({ conversationId: 'a', text: 'half', updatedAt: 1 });
    await storage.putPeople([{ userId: 'u', username: 'li', nickname: '李', description: '' }]);
    await storage.putValue('cursor', 'c1');
    expect(await storage.loadOutbox()).toEqual([entry]);
    expect((await storage.loadDrafts())[0]?.text).toBe('half');
    expect((await storage.loadPeople())[0]?.nickname).toBe('李');
    expect(await storage.getValue('cursor')).toBe('c1');
    await storage.removeOutbox('k');
    await storage.putDraft({ conversationId: 'a', text: '', updatedAt: 2 });
    expect(await storage.loadOutbox()).toEqual([]);
    expect(await storage.loadDrafts()).toEqual([]);
  });

  it('forgets history but keeps drafts and outbox when the server ended the session', async () => {
    const storage = await open();
    await storage.save([record('a', 1)], [message('a', 1)]);
    await storage.putDraft({ conversationId: 'a', text: 'half', updatedAt: 1 });
    await storage.wipe(false);
    expect(await storage.loadConversations()).toEqual([]);
    expect(await storage.loadMessages('a')).toEqual([]);
    expect(await storage.loadDrafts()).toHaveLength(1);
    await storage.wipe(true);
    expect(await storage.loadDrafts()).toEqual([]);
  });
});

describe('what a device keeps', () => {
  it('is the last 200 messages, and the record says so', async () => {
    const storage = await openStorage(`user-${users++}`);
    const timeline = new Timeline(unknownConversation('a'), 'alice');
    const saver = new Saver(storage, () => undefined);
    for (let seq = 1; seq <= 250; seq++) saver.save(timeline, timeline.accept(message('a', seq)));
    await saver.flush();
    saver.save(timeline, timeline.accept(message('a', 251)));
    await saver.flush();
    const stored = await storage.loadMessages('a');
    expect(stored).toHaveLength(200);
    expect(stored[0]?.seq).toBe(52);
    expect((await storage.loadConversations())[0]?.holes).toEqual([{ from: 1, to: 51 }]);
    expect(timeline.record.holes).toEqual([]);
  });

  it('is the messages of the 50 conversations that were active last', async () => {
    const storage = await openStorage(`user-${users++}`);
    for (let i = 1; i <= 52; i++) await storage.save([record(`c${i}`, 1, i)], [message(`c${i}`, 1)]);
    expect(await storage.loadConversations()).toHaveLength(52);
    expect(await storage.loadMessages('c1')).toEqual([]);
    expect(await storage.loadMessages('c3')).toHaveLength(1);
  });

  it('tells what is stored only after it is', async () => {
    const storage = new MemoryStorage();
    const told: number[] = [];
    let release = () => {};
    storage.save = () => new Promise((resolve) => (release = resolve));
    const timeline = new Timeline(unknownConversation('a'), 'alice');
    const saver = new Saver(storage, (_, seq) => told.push(seq));
    saver.save(timeline, timeline.accept(message('a', 1)));
    await Promise.resolve();
    await Promise.resolve();
    expect(told).toEqual([]);
    release();
    await saver.flush();
    expect(told).toEqual([1]);
  });
});
