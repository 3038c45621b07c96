// SPDX-License-Identifier: Apache-2.0
// What the protocol needs from the platform.
import type { ChatMessage, Conversation, Draft, OutboxEntry, Person } from './model';

/** What a device holds of one user. Every call may fail when the browser refuses storage. */
export interface Storage {
  loadConversations(): Promise<Conversation[]>;
  /** The stored messages of a conversation, in order of seq. */
  loadMessages(conversationId: string): Promise<ChatMessage[]>;
  /** Stores records and messages in one step. A record older than the stored one changes nothing. */
  save(records: Conversation[], messages: ChatMessage[]): Promise<void>;
  removeConversation(id: string): Promise<void>;
  removeMessages(conversationId: string, seqs: readonly number[]): Promise<void>;

  loadOutbox(): Promise<OutboxEntry[]>;
  putOutbox(entry: OutboxEntry): Promise<void>;
  removeOutbox(clientMessageId: string): Promise<void>;

  loadDrafts(): Promise<Draft[]>;
  /** An empty text that answers nothing and has no files removes the draft. */
  putDraft(draft: Draft): Promise<void>;

  loadPeople(): Promise<Person[]>;
  putPeople(people: Person[]): Promise<void>;

  getValue<T>(key: string): Promise<T | undefined>;
  putValue(key: string, value: unknown): Promise<void>;

  /** Forgets conversations, messages and people; drafts and outbox too if all is true. */
  wipe(all: boolean): Promise<void>;
  close(): void;
}
