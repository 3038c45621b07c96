// SPDX-License-Identifier: Apache-2.0
import { SvelteMap } from 'svelte/reactivity';
import { i18n } from '../i18n/i18n.svelte';
import type { Chat } from '../protocol/chat';
import { decode, encode, type Picks } from '../text/mentions';
import { failure } from '../protocol/reasons';

/** A message whose text is being changed. */
export interface Editing {
  seq: number;
  before: string;
  text: string;
  /** Whom the names in the text stand for. */
  picks: Picks;
}

/** Actions is what the user does with messages that are there already. */
export class Actions {
  /** What is being edited, by conversation. The draft of the conversation waits meanwhile. */
  readonly editing = new SvelteMap<string, Editing>();
  /** Why the last action failed; empty if it did not. */
  notice = $state('');

  constructor(private readonly host: { readonly chat: Chat | undefined }) {}

  /** Opens a message in the composer. */
  startEdit(conversationId: string, seq: number, body: string): void {
    this.notice = '';
    const { text, picks } = decode(body, (id) => this.host.chat?.people.nameOf(id) ?? '');
    this.editing.set(conversationId, { seq, before: text, text, picks });
  }

  /** Takes what was typed into an edited message. */
  setEdit(conversationId: string, text: string): void {
    const editing = this.editing.get(conversationId);
    if (editing) this.editing.set(conversationId, { ...editing, text });
  }

  /** Notes whom a name in the edited text stands for. */
  mention(conversationId: string, label: string, id: string): void {
    const editing = this.editing.get(conversationId);
    if (editing) editing.picks = { ...editing.picks, [label]: id };
  }

  /** Leaves the message as it was. Answers false if none was being edited. */
  cancelEdit(conversationId: string): boolean {
    this.notice = '';
    return this.editing.delete(conversationId);
  }

  /** Gives the message its new text. On failure the text stays in the composer. */
  async saveEdit(conversationId: string): Promise<void> {
    const editing = this.editing.get(conversationId);
    if (!editing) return;
    const { seq, before, text, picks } = editing;
    const saved = text === before || (await this.attempt((chat) => chat.edit(conversationId, seq, encode(text, picks))));
    if (saved && this.editing.get(conversationId)?.seq === seq) this.editing.delete(conversationId);
  }

  /** Takes a message back. */
  async recall(conversationId: string, seq: number): Promise<void> {
    const done = await this.attempt((chat) => chat.recall(conversationId, seq));
    if (done && this.editing.get(conversationId)?.seq === seq) this.editing.delete(conversationId);
  }

  /** Hides a message for the user alone. */
  async hide(conversationId: string, seq: number): Promise<boolean> {
    const done = await this.attempt((chat) => chat.hide(conversationId, seq));
    if (done && this.editing.get(conversationId)?.seq === seq) this.editing.delete(conversationId);
    return done;
  }

  /** Gives a message an emoji, or takes it away if the user gave it. */
  async react(conversationId: string, seq: number, emoji: string, given: boolean): Promise<void> {
    await this.attempt((chat) => chat.react(conversationId, seq, emoji, given));
  }

  /** Forgets all, as at sign-out. */
  clear(): void {
    this.editing.clear();
    this.notice = '';
  }

  /** Does something, and says why if it fails. */
  async attempt(work: (chat: Chat) => Promise<void>): Promise<boolean> {
    const { chat } = this.host;
    if (!chat) return false;
    this.notice = '';
    try {
      await work(chat);
      return true;
    } catch (error) {
      const { reason, retryAfterMs } = failure(error);
      this.notice = i18n.reason(reason, retryAfterMs);
      return false;
    }
  }
}
