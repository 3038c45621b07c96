// SPDX-License-Identifier: Apache-2.0
import { Retry, type ServerFrame } from '../../gen/parley/gateway/v1/frame_pb';
import type { Sent } from '../../gen/parley/message/v1/message_pb';
import type { ClientKind } from './connection';
import type { OutboxEntry, OutboxFile, Way } from './model';
import type { Storage } from './ports';
import { uuid7 } from './uuid';

const IN_FLIGHT_MOST = 32;
const UPLOADS_MOST = 2;
const PROGRESS_MS = 250;
const STALE_MS = 24 * 60 * 60 * 1000;
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MOST_MS = 30_000;

/** What the outbox stands on. */
export interface OutboxPorts {
  storage: Storage;
  instanceId: string;
  canSend(): boolean;
  ask(kind: ClientKind): Promise<ServerFrame>;
  /**
   * Brings the file of an entry to the server and answers its id; trouble on the way is its own. Fails when the
   * server does not want the file, with the reason as message, or when the signal says so.
   */
  upload(entry: OutboxEntry, progress: (way: Way) => void, signal: AbortSignal): Promise<string>;
  /** The send is committed: show the message at its place. */
  committed(entry: OutboxEntry, sent: Sent): void;
  /** Entries of a conversation changed. */
  changed(conversationId: string): void;
  /** True if the running copy that made an entry is still there. */
  owned(instanceId: string): Promise<boolean>;
}

/** What is to be sent. */
export type Wish = Pick<OutboxEntry, 'text' | 'replyToSeq' | 'forwardOf' | 'file'>;

/**
 * Outbox sends what the user wrote, exactly once and in order: an entry is stored before the first
 * try, keeps its id and payload on every try, and one entry per conversation is unanswered at a time.
 * A file is brought to the server first; texts behind it do not wait for that.
 */
export class Outbox {
  private entries: OutboxEntry[] = [];
  /** The unanswered entry of each conversation. */
  private readonly flying = new Map<string, OutboxEntry>();
  private readonly paused = new Map<string, ReturnType<typeof setTimeout>>();
  private readonly tries = new Map<string, number>();
  private readonly uploads = new Map<string, AbortController>();
  private readonly ways = new Map<string, Way>();

  constructor(private readonly ports: OutboxPorts) {}

  /** Loads what earlier runs and closed tabs left. Entries of a running copy are left to it. */
  async load(): Promise<void> {
    const stored = await this.ports.storage.loadOutbox();
    for (const entry of stored) {
      if (entry.instanceId === this.ports.instanceId) continue;
      if (await this.ports.owned(entry.instanceId)) continue;
      if (this.entries.some((known) => known.clientMessageId === entry.clientMessageId)) continue;
      const adopted = { ...entry, instanceId: this.ports.instanceId };
      this.entries.push(adopted);
      await this.ports.storage.putOutbox(adopted);
      this.ports.changed(adopted.conversationId);
    }
    if (stored.length > 0) this.entries.sort((a, b) => (a.clientMessageId < b.clientMessageId ? -1 : 1));
    this.pump();
  }

  /** The entries of a conversation in order of writing. */
  of(conversationId: string): OutboxEntry[] {
    return this.entries.filter((entry) => entry.conversationId === conversationId);
  }

  /** Number of entries that wait or were refused. */
  get size(): number {
    return this.entries.length;
  }

  /** How far the file of an entry is; undefined while it is not being sent. */
  way(clientMessageId: string): Way | undefined {
    return this.ways.get(clientMessageId);
  }

  /** Stores a message and sends it as soon as that is allowed. */
  async add(conversationId: string, wish: Wish): Promise<void> {
    const entry: OutboxEntry = {
      clientMessageId: uuid7(),
      conversationId,
      ...wish,
      createdAt: Date.now(),
      instanceId: this.ports.instanceId,
      state: 'waiting',
    };
    this.entries.push(entry);
    this.ports.changed(conversationId);
    await this.ports.storage.putOutbox(entry);
    this.pump();
  }

  /** Sends a refused or old entry again, as the same message. */
  async retry(clientMessageId: string): Promise<void> {
    const entry = this.entries.find((one) => one.clientMessageId === clientMessageId);
    if (!entry || entry.state === 'waiting') return;
    entry.state = 'waiting';
    entry.createdAt = Date.now();
    entry.reason = undefined;
    await this.ports.storage.putOutbox({ ...entry });
    this.ports.changed(entry.conversationId);
    this.pump();
  }

  /** Takes an entry that is not on its way out of the box. Answers its text. */
  async discard(clientMessageId: string): Promise<string | undefined> {
    const entry = this.entries.find((one) => one.clientMessageId === clientMessageId);
    if (!entry || this.flying.get(entry.conversationId) === entry) return undefined;
    this.uploads.get(clientMessageId)?.abort();
    await this.drop(entry);
    return entry.text;
  }

  /** A message of this user was seen in history: whatever the answer said, it is sent. */
  seen(clientMessageId: string): void {
    const entry = this.entries.find((one) => one.clientMessageId === clientMessageId);
    if (entry) void this.drop(entry);
  }

  /** Sends what may be sent now. */
  pump(): void {
    if (!this.ports.canSend()) return;
    const busy = new Set(this.flying.keys());
    for (const entry of this.entries) {
      if (entry.state === 'waiting' && Date.now() - entry.createdAt > STALE_MS) this.ask(entry);
      if (entry.state !== 'waiting') continue;
      if (entry.file && !entry.file.fileId) {
        if (!this.uploads.has(entry.clientMessageId) && this.uploads.size < UPLOADS_MOST) void this.upload(entry, entry.file);
        continue;
      }
      if (busy.has(entry.conversationId)) continue;
      busy.add(entry.conversationId);
      if (this.paused.has(entry.conversationId) || this.flying.size >= IN_FLIGHT_MOST) continue;
      void this.send(entry);
    }
  }

  /** Stops all timers. */
  stop(): void {
    for (const timer of this.paused.values()) clearTimeout(timer);
    this.paused.clear();
    for (const one of this.uploads.values()) one.abort();
  }

  // What is older than a day is not sent by itself any more: the user is asked.
  private ask(entry: OutboxEntry): void {
    if (this.flying.get(entry.conversationId) === entry) return;
    entry.state = 'stale';
    this.ports.changed(entry.conversationId);
    void this.ports.storage.putOutbox({ ...entry });
  }

  private async upload(entry: OutboxEntry, file: OutboxFile): Promise<void> {
    const { clientMessageId, conversationId } = entry;
    const control = new AbortController();
    this.uploads.set(clientMessageId, control);
    let told = 0;
    const progress = (way: Way) => {
      const before = this.ways.get(clientMessageId);
      this.ways.set(clientMessageId, way);
      if (before?.held === way.held && Date.now() - told < PROGRESS_MS) return;
      told = Date.now();
      this.ports.changed(conversationId);
    };
    try {
      progress({ share: 0, held: false });
      entry.file = { ...file, fileId: await this.ports.upload(entry, progress, control.signal) };
      await this.ports.storage.putOutbox({ ...entry });
    } catch (error) {
      if (!control.signal.aborted) await this.refuse(entry, error instanceof Error ? error.message : '');
    } finally {
      this.uploads.delete(clientMessageId);
      this.ways.delete(clientMessageId);
      this.ports.changed(conversationId);
      if (!control.signal.aborted) this.pump();
    }
  }

  private async refuse(entry: OutboxEntry, reason: string): Promise<void> {
    entry.state = 'refused';
    entry.reason = reason;
    await this.ports.storage.putOutbox({ ...entry });
    this.ports.changed(entry.conversationId);
  }

  private async send(entry: OutboxEntry): Promise<void> {
    const { conversationId, clientMessageId, replyToSeq, forwardOf } = entry;
    this.flying.set(conversationId, entry);
    try {
      const answer = await this.ports.ask({
        case: 'send',
        value: {
          conversationId,
          clientMessageId,
          content: forwardOf ? undefined : { kind: content(entry) },
          replyToSeq: BigInt(replyToSeq ?? 0),
          forwardOf: forwardOf && { conversationId: forwardOf.conversationId, seq: BigInt(forwardOf.seq) },
        },
      });
      await this.answered(entry, answer);
    } catch {
      // The outcome is unknown: the same frame again, later or on the next connection.
      this.again(entry);
    } finally {
      this.flying.delete(conversationId);
      this.pump();
    }
  }

  private async answered(entry: OutboxEntry, answer: ServerFrame): Promise<void> {
    if (answer.kind.case === 'sent') {
      this.ports.committed(entry, answer.kind.value);
      await this.drop(entry);
      return;
    }
    if (answer.kind.case !== 'error') return this.again(entry);
    const { retry, retryAfterMs, reason } = answer.kind.value;
    switch (retry) {
      case Retry.AFTER:
        return this.pause(entry.conversationId, Number(retryAfterMs) || BACKOFF_FIRST_MS);
      case Retry.SAME_ID:
      case Retry.LOGIN:
        return this.again(entry);
      default:
        await this.refuse(entry, reason);
    }
  }

  private again(entry: OutboxEntry): void {
    const tries = this.tries.get(entry.clientMessageId) ?? 0;
    this.tries.set(entry.clientMessageId, tries + 1);
    if (!this.ports.canSend()) return;
    this.pause(entry.conversationId, Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** tries));
  }

  private pause(conversationId: string, delayMs: number): void {
    clearTimeout(this.paused.get(conversationId));
    const timer = setTimeout(() => {
      this.paused.delete(conversationId);
      this.pump();
    }, delayMs);
    this.paused.set(conversationId, timer);
  }

  private async drop(entry: OutboxEntry): Promise<void> {
    this.entries = this.entries.filter((one) => one !== entry);
    this.tries.delete(entry.clientMessageId);
    this.ports.changed(entry.conversationId);
    await this.ports.storage.removeOutbox(entry.clientMessageId);
  }
}

function content({ text, file }: OutboxEntry) {
  const fileId = file?.fileId ?? '';
  switch (file?.kind) {
    case 'image':
      return { case: 'image' as const, value: { fileId, alt: file.alt ?? '' } };
    case 'file':
      return { case: 'file' as const, value: { fileId } };
    case 'voice':
      return { case: 'voice' as const, value: { fileId, durationMs: file.durationMs ?? 0, waveform: new Uint8Array(file.waveform ?? []) } };
    default:
      return { case: 'text' as const, value: { body: text } };
  }
}
