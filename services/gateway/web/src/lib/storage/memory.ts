// SPDX-License-Identifier: Apache-2.0
import type { ChatMessage, Conversation, Draft, OutboxEntry, Person } from '../protocol/model';
import type { Storage } from '../protocol/ports';

/** MemoryStorage stands in where the browser refuses storage: all is gone with the page. */
export class MemoryStorage implements Storage {
  private readonly conversations = new Map<string, Conversation>();
  private readonly messages = new Map<string, Map<number, ChatMessage>>();
  private readonly outbox = new Map<string, OutboxEntry>();
  private readonly drafts = new Map<string, Draft>();
  private readonly people = new Map<string, Person>();
  private readonly values = new Map<string, unknown>();

  async loadConversations(): Promise<Conversation[]> {
    return structuredClone([...this.conversations.values()]);
  }

  async loadMessages(conversationId: string): Promise<ChatMessage[]> {
    const all = this.messages.get(conversationId)?.values() ?? [];
    return [...all].sort((a, b) => a.seq - b.seq);
  }

  async save(records: Conversation[], messages: ChatMessage[]): Promise<void> {
    for (const record of records) {
      const held = this.conversations.get(record.id);
      if (!held || held.localSeq <= record.localSeq) this.conversations.set(record.id, structuredClone(record));
    }
    for (const message of messages) {
      const held = this.messages.get(message.conversationId) ?? new Map<number, ChatMessage>();
      if ((held.get(message.seq)?.rev ?? 0) <= message.rev) held.set(message.seq, message);
      this.messages.set(message.conversationId, held);
    }
  }

  async removeConversation(id: string): Promise<void> {
    this.conversations.delete(id);
    this.messages.delete(id);
  }

  async removeMessages(conversationId: string, seqs: readonly number[]): Promise<void> {
    for (const seq of seqs) this.messages.get(conversationId)?.delete(seq);
  }

  async loadOutbox(): Promise<OutboxEntry[]> {
    return structuredClone([...this.outbox.values()]);
  }

  async putOutbox(entry: OutboxEntry): Promise<void> {
    this.outbox.set(entry.clientMessageId, structuredClone(entry));
  }

  async removeOutbox(clientMessageId: string): Promise<void> {
    this.outbox.delete(clientMessageId);
  }

  async loadDrafts(): Promise<Draft[]> {
    return [...this.drafts.values()];
  }

  async putDraft(draft: Draft): Promise<void> {
    if (draft.text === '' && !draft.replyToSeq && !draft.files) this.drafts.delete(draft.conversationId);
    else this.drafts.set(draft.conversationId, { ...draft });
  }

  async loadPeople(): Promise<Person[]> {
    return [...this.people.values()];
  }

  async putPeople(people: Person[]): Promise<void> {
    for (const person of people) this.people.set(person.userId, person);
  }

  async getValue<T>(key: string): Promise<T | undefined> {
    return structuredClone(this.values.get(key)) as T | undefined;
  }

  async putValue(key: string, value: unknown): Promise<void> {
    this.values.set(key, structuredClone(value));
  }

  async wipe(all: boolean): Promise<void> {
    this.conversations.clear();
    this.messages.clear();
    this.people.clear();
    this.values.clear();
    if (!all) return;
    this.outbox.clear();
    this.drafts.clear();
  }

  close(): void {}
}
