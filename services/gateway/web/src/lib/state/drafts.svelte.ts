// SPDX-License-Identifier: Apache-2.0
import { SvelteMap } from 'svelte/reactivity';
import type { Draft, OutboxFile } from '../protocol/model';
import type { Storage } from '../protocol/ports';
import { read, write } from '../storage/local';

type Picks = Record<string, string>;
const SAVE_MS = 300;
type Journal = Record<string, Draft>;
/** Most files that can wait in one conversation. */
export const FILES_MOST = 10;

/** Drafts keeps what was typed and not sent, per conversation, on the device and across tabs. */
export class Drafts {
  readonly texts = new SvelteMap<string, string>();
  /** The message that is being answered, by conversation. */
  readonly replies = new SvelteMap<string, number>();
  /** Files that were chosen, by conversation. */
  readonly files = new SvelteMap<string, OutboxFile[]>();
  /** Whom the names in a draft stand for, by conversation. */
  private readonly picks = new Map<string, Picks>();
  private readonly dirty = new Map<string, Draft>();
  private readonly key: string;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    userId: string,
    private readonly storage: Storage,
    /** Tells the other tabs. */
    private readonly tell: (draft: Draft) => void,
  ) {
    this.key = `parley.journal.${userId}`;
  }

  async load(): Promise<void> {
    const stored = new Map((await this.storage.loadDrafts()).map((draft) => [draft.conversationId, draft]));
    // What a page typed just before it went away stands in the journal only.
    for (const draft of Object.values(this.journal())) {
      const kept = stored.get(draft.conversationId);
      if (draft.updatedAt <= (kept?.updatedAt ?? 0)) continue;
      // Files are too large for the journal: those that were stored still count.
      const whole = { ...draft, files: kept?.files };
      stored.set(draft.conversationId, whole);
      this.dirty.set(draft.conversationId, whole);
    }
    for (const draft of stored.values()) this.show(draft);
    await this.flush();
  }

  /** Takes what this tab typed. The journal has it at once, the storage soon. */
  set(conversationId: string, text: string): void {
    this.take({ ...this.current(conversationId), text });
  }

  /** Chooses files. */
  attach(conversationId: string, files: OutboxFile[]): void {
    this.take({ ...this.current(conversationId), files: files.length > 0 ? files.slice(0, FILES_MOST) : undefined });
    void this.flush();
  }

  private current(conversationId: string): Draft {
    return {
      conversationId,
      text: this.texts.get(conversationId) ?? '',
      replyToSeq: this.replies.get(conversationId),
      mentions: this.picks.get(conversationId),
      files: this.files.get(conversationId),
      updatedAt: Date.now(),
    };
  }

  /** Chooses the message to answer; undefined takes the choice back. */
  reply(conversationId: string, replyToSeq: number | undefined): void {
    this.take({ ...this.current(conversationId), replyToSeq });
  }

  /** Notes whom a name in the text stands for. */
  mention(conversationId: string, label: string, id: string): void {
    this.picks.set(conversationId, { ...this.picks.get(conversationId), [label]: id });
  }

  /** Whom the names in a draft stand for. */
  mentioned(conversationId: string): Picks {
    return this.picks.get(conversationId) ?? {};
  }

  /** Forgets a draft that was sent. */
  sent(conversationId: string): void {
    this.take({ conversationId, text: '', updatedAt: Date.now() });
  }

  private take(draft: Draft): void {
    const { conversationId, text } = draft;
    this.show(draft);
    this.dirty.set(conversationId, draft);
    write(this.key, { ...this.journal(), [conversationId]: { ...draft, files: undefined } });
    if (text === '') void this.flush();
    else this.timer ??= setTimeout(() => void this.flush(), SAVE_MS);
  }

  /** Takes what another tab typed. */
  show({ conversationId, text, replyToSeq, mentions, files }: Draft): void {
    if (mentions) this.picks.set(conversationId, mentions);
    else this.picks.delete(conversationId);
    if (text === '') this.texts.delete(conversationId);
    else this.texts.set(conversationId, text);
    if (files) this.files.set(conversationId, files);
    else this.files.delete(conversationId);
    if (replyToSeq) this.replies.set(conversationId, replyToSeq);
    else this.replies.delete(conversationId);
  }

  /** Stores what is not stored yet. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const drafts = [...this.dirty.values()];
    this.dirty.clear();
    drafts.forEach(this.tell);
    try {
      for (const draft of drafts) await this.storage.putDraft(draft);
    } catch {
      return;
    }
    const rest = Object.entries(this.journal()).filter(([id, entry]) => !drafts.some((one) => one.conversationId === id && one.updatedAt >= entry.updatedAt));
    write(this.key, rest.length > 0 ? Object.fromEntries(rest) : undefined);
  }

  /** Forgets the journal, as at sign-out. */
  forget(): void {
    clearTimeout(this.timer);
    this.dirty.clear();
    write(this.key, undefined);
  }

  private journal(): Journal {
    return read<Journal>(this.key) ?? {};
  }
}
