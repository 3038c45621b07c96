// SPDX-License-Identifier: Apache-2.0
import { SvelteMap } from 'svelte/reactivity';
import type { Draft } from '../protocol/model';
import type { Storage } from '../protocol/ports';

const SAVE_MS = 300;

/** Drafts keeps what was typed and not sent, per conversation, on the device and across tabs. */
export class Drafts {
  readonly texts = new SvelteMap<string, string>();
  private readonly dirty = new Map<string, Draft>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly storage: Storage,
    /** Tells the other tabs. */
    private readonly tell: (draft: Draft) => void,
  ) {}

  async load(): Promise<void> {
    for (const draft of await this.storage.loadDrafts()) this.texts.set(draft.conversationId, draft.text);
  }

  /** Takes what this tab typed. */
  set(conversationId: string, text: string): void {
    this.show(conversationId, text);
    this.dirty.set(conversationId, { conversationId, text, updatedAt: Date.now() });
    this.timer ??= setTimeout(() => this.flush(), SAVE_MS);
    if (text === '') this.flush();
  }

  /** Takes what another tab typed. */
  show(conversationId: string, text: string): void {
    if (text === '') this.texts.delete(conversationId);
    else this.texts.set(conversationId, text);
  }

  /** Stores what is not stored yet, also when the page goes away. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const draft of this.dirty.values()) {
      void this.storage.putDraft(draft).catch(() => undefined);
      this.tell(draft);
    }
    this.dirty.clear();
  }
}
