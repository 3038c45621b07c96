// SPDX-License-Identifier: Apache-2.0
import type { ChatMessage, Conversation } from './model';
import type { Storage } from './ports';
import * as ranges from './ranges';
import type { Timeline } from './timeline';

const MESSAGES_KEPT = 200;
const CONVERSATIONS_KEPT = 50;

/** Saver writes changed conversations in batches, and tells what is stored only after it is. */
export class Saver {
  private readonly dirty = new Map<string, { timeline: Timeline; messages: Map<number, ChatMessage> }>();
  private running: Promise<void> | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly stored: (conversationId: string, seq: number, messages: number) => void,
  ) {}

  /** Notes a changed conversation and new messages of it. */
  save(timeline: Timeline, messages: ChatMessage[]): void {
    const entry = this.dirty.get(timeline.record.id) ?? { timeline, messages: new Map<number, ChatMessage>() };
    entry.timeline = timeline;
    for (const message of messages) entry.messages.set(message.seq, message);
    this.dirty.set(timeline.record.id, entry);
    this.running ??= Promise.resolve().then(() => this.run());
  }

  /** Waits until everything noted so far is written. */
  async flush(): Promise<void> {
    while (this.running) await this.running;
  }

  private async run(): Promise<void> {
    try {
      while (this.dirty.size > 0) {
        const batch = [...this.dirty.values()];
        this.dirty.clear();
        await this.write(batch);
      }
    } catch (error) {
      console.warn('this device does not store messages now', error);
    } finally {
      this.running = undefined;
    }
  }

  private async write(batch: { timeline: Timeline; messages: Map<number, ChatMessage> }[]): Promise<void> {
    const records: Conversation[] = [];
    const messages: ChatMessage[] = [];
    for (const { timeline, messages: fresh } of batch) {
      const record = trimmed(timeline.record);
      records.push(record);
      for (const message of fresh.values()) if (message.seq > record.localSeq - MESSAGES_KEPT) messages.push({ ...message });
    }
    await this.storage.save(records, messages);
    for (const [i, record] of records.entries()) {
      this.stored(record.id, record.localSeq, batch[i]!.messages.size);
    }
  }
}

/** How many conversations and messages of each a device keeps. */
export const KEPT = { messages: MESSAGES_KEPT, conversations: CONVERSATIONS_KEPT };

// A copy of the record that says honestly which messages are not stored any more.
function trimmed(record: Conversation): Conversation {
  const cut = record.localSeq - MESSAGES_KEPT;
  const copy = structuredClone(record);
  if (cut > 0) copy.holes = ranges.add(copy.holes, { from: 1, to: cut });
  return copy;
}
