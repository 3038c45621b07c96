// SPDX-License-Identifier: Apache-2.0
import { deleteDB, openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { ChatMessage, Conversation, Draft, OutboxEntry, Person } from '../protocol/model';
import type { Storage } from '../protocol/ports';
import { KEPT } from '../protocol/saver';

const VERSION = 1;

interface Schema extends DBSchema {
  conversations: { key: string; value: Conversation };
  messages: { key: [string, number]; value: ChatMessage };
  outbox: { key: string; value: OutboxEntry };
  drafts: { key: string; value: Draft };
  people: { key: string; value: Person };
  values: { key: string; value: unknown };
}

/** Opens what this device holds of a user in IndexedDB. */
export async function openStorage(userId: string): Promise<Storage> {
  const db = await openDB<Schema>(name(userId), VERSION, {
    upgrade(fresh) {
      fresh.createObjectStore('conversations', { keyPath: 'id' });
      fresh.createObjectStore('messages', { keyPath: ['conversationId', 'seq'] });
      fresh.createObjectStore('outbox', { keyPath: 'clientMessageId' });
      fresh.createObjectStore('drafts', { keyPath: 'conversationId' });
      fresh.createObjectStore('people', { keyPath: 'userId' });
      fresh.createObjectStore('values');
    },
    blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
  });
  return new IndexedStorage(db);
}

/** Removes all that this device holds of a user. */
export async function deleteStorage(userId: string): Promise<void> {
  await deleteDB(name(userId));
}

function name(userId: string): string {
  return `parley-${userId}`;
}

class IndexedStorage implements Storage {
  constructor(private readonly db: IDBPDatabase<Schema>) {}

  async loadConversations(): Promise<Conversation[]> {
    const all = await this.db.getAll('conversations');
    return all.sort((a, b) => b.activeAt - a.activeAt);
  }

  loadMessages(conversationId: string): Promise<ChatMessage[]> {
    return this.db.getAll('messages', ofConversation(conversationId));
  }

  async save(records: Conversation[], messages: ChatMessage[]): Promise<void> {
    const tx = this.db.transaction(['conversations', 'messages'], 'readwrite');
    const conversations = tx.objectStore('conversations');
    for (const record of records) {
      const held = await conversations.get(record.id);
      // Another tab may be further on than this one.
      if (!held || held.localSeq <= record.localSeq) await conversations.put(record);
      const cut = record.localSeq - KEPT.messages;
      if (cut > 0) await tx.objectStore('messages').delete(IDBKeyRange.bound([record.id, 0], [record.id, cut]));
    }
    for (const message of messages) {
      const known = await tx.objectStore('messages').get([message.conversationId, message.seq]);
      // Another tab may know of a later change.
      if (!known || known.rev <= message.rev) await tx.objectStore('messages').put(message);
    }
    if ((await conversations.count()) > KEPT.conversations) {
      const old = (await conversations.getAll()).sort((a, b) => b.activeAt - a.activeAt).slice(KEPT.conversations);
      for (const record of old) {
        // Of an old conversation only the record stays; it says that all messages are missing.
        await conversations.put({ ...record, holes: record.localSeq > 0 ? [{ from: 1, to: record.localSeq }] : [] });
        await tx.objectStore('messages').delete(ofConversation(record.id));
      }
    }
    await tx.done;
  }

  async removeConversation(id: string): Promise<void> {
    const tx = this.db.transaction(['conversations', 'messages'], 'readwrite');
    await tx.objectStore('conversations').delete(id);
    await tx.objectStore('messages').delete(ofConversation(id));
    await tx.done;
  }

  async removeMessages(conversationId: string, seqs: readonly number[]): Promise<void> {
    const tx = this.db.transaction('messages', 'readwrite');
    for (const seq of seqs) await tx.store.delete([conversationId, seq]);
    await tx.done;
  }

  loadOutbox(): Promise<OutboxEntry[]> {
    return this.db.getAll('outbox');
  }

  async putOutbox(entry: OutboxEntry): Promise<void> {
    await this.db.put('outbox', { ...entry });
  }

  removeOutbox(clientMessageId: string): Promise<void> {
    return this.db.delete('outbox', clientMessageId);
  }

  loadDrafts(): Promise<Draft[]> {
    return this.db.getAll('drafts');
  }

  async putDraft(draft: Draft): Promise<void> {
    if (draft.text === '' && !draft.replyToSeq && !draft.files) await this.db.delete('drafts', draft.conversationId);
    else await this.db.put('drafts', { ...draft });
  }

  loadPeople(): Promise<Person[]> {
    return this.db.getAll('people');
  }

  async putPeople(people: Person[]): Promise<void> {
    const tx = this.db.transaction('people', 'readwrite');
    for (const person of people) await tx.store.put({ ...person });
    await tx.done;
  }

  async getValue<T>(key: string): Promise<T | undefined> {
    return (await this.db.get('values', key)) as T | undefined;
  }

  async putValue(key: string, value: unknown): Promise<void> {
    await this.db.put('values', value, key);
  }

  async wipe(all: boolean): Promise<void> {
    const stores = ['conversations', 'messages', 'people', 'values', ...(all ? ['outbox', 'drafts'] : [])];
    const tx = this.db.transaction(stores as 'messages'[], 'readwrite');
    for (const store of stores) await tx.objectStore(store as 'messages').clear();
    await tx.done;
  }

  close(): void {
    this.db.close();
  }
}

function ofConversation(id: string): IDBKeyRange {
  return IDBKeyRange.bound([id, 0], [id, Number.MAX_SAFE_INTEGER]);
}
