// SPDX-License-Identifier: Apache-2.0
import type { ServerFrame } from '../../gen/parley/gateway/v1/frame_pb';
import type { SyncResponse } from '../../gen/parley/message/v1/message_pb';
import type { UploadPorts } from '../files/upload';
import type { Clients } from './clients';
import type { CloseRule } from './closecodes';
import { toHead, toMessage, toPerson, toSentMessage } from './convert';
import { endOfSession } from './ended';
import { Groups } from './groups';
import { Acks, ReadMarkers } from './markers';
import type { ChatMessage, Head, OutboxEntry, OutboxFile, Phase, Way } from './model';
import { Outbox } from './outbox';
import { People } from './people';
import type { Storage } from './ports';
import { Presence, type Known } from './presence';
import { failure } from './reasons';
import { Replica } from './replica';
import { Session } from './session';
import { LoginNeeded, type Identity, type SessionPorts } from './sessionports';
import { TypingIn, TypingOut } from './typing';

const PULL_AFTER_MS = 2_000;
const PAGE = 50;
const CURSOR = 'cursor';

/** What a chat stands on. */
export interface ChatPorts extends Pick<SessionPorts, 'open' | 'random' | 'hidden' | 'active'> {
  me: string;
  identity: Identity;
  clients: Clients;
  storage: Storage;
  /** True if the running copy that made an outbox entry is still there. */
  owned(instanceId: string): Promise<boolean>;
  /** What carries the bytes of uploads. */
  bytes: Pick<UploadPorts, 'put' | 'past'>;
}

/** What a chat tells. */
export interface ChatEvents {
  phase(phase: Phase): void;
  conversation(conversationId: string): void;
  people(): void;
  /** How a person is now; undefined if that is not known. */
  presence(userId: string, known: Known | undefined): void;
  /** Messages of others that were pushed while the session is LIVE. */
  arrived(messages: ChatMessage[]): void;
  ended(rule: CloseRule): void;
}

/** Chat is everything that one signed-in user has in one running copy of the client. */
export class Chat {
  readonly session: Session;
  readonly replica: Replica;
  readonly outbox: Outbox;
  readonly people: People;
  readonly groups: Groups;
  readonly markers: ReadMarkers;
  readonly presence: Presence;
  readonly typingOut: TypingOut;
  readonly typingIn: TypingIn;
  private readonly acks: Acks;
  private cursor = '';
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(
    private readonly ports: ChatPorts,
    private readonly events: ChatEvents,
  ) {
    const { me, clients, storage } = ports;
    this.session = new Session(
      { ...ports, resolve: () => this.resolve() },
      {
        phase: (phase) => this.phased(phase),
        cursor: () => this.cursor,
        resumed: (response) => this.resumed(response),
        frame: (frame) => this.frame(frame),
        ready: () => this.ready(),
        connected: () => this.presence.connected(),
        ended: (rule) => events.ended(rule),
      },
    );
    this.acks = new Acks((kind) => this.session.tell(kind));
    this.replica = new Replica(me, clients, storage, {
      changed: (id) => events.conversation(id),
      arrived: (messages, live) => this.arrived(messages, live),
      stored: (id, seq, count) => this.acks.stored(id, seq, count),
    });
    this.groups = new Groups(me, clients, this.replica, (id) => events.conversation(id));
    this.people = new People(clients, storage, () => events.people());
    this.markers = new ReadMarkers(
      (id, seq) => this.moveOwnMarker(id, seq),
      (kind) => this.session.tell(kind),
    );
    this.outbox = new Outbox({
      storage,
      instanceId: ports.identity.instanceId,
      canSend: () => this.session.canSend,
      ask: (kind) => this.session.ask(kind),
      committed: (entry, sent) => this.replica.push(entry.conversationId, [toSentMessage(entry, sent, me)]),
      changed: (id) => events.conversation(id),
      owned: (instanceId) => ports.owned(instanceId),
      upload: (entry, progress, signal) => this.upload(entry, progress, signal),
    });
    this.presence = new Presence((kind) => this.session.tell(kind), (id, known) => events.presence(id, known));
    this.typingOut = new TypingOut((conversationId, state) => this.session.tell({ case: 'typing', value: { conversationId, state } }));
    this.typingIn = new TypingIn((id) => events.conversation(id));
  }

  /** Takes what an earlier run stored, then connects. */
  async start(): Promise<void> {
    this.cursor = (await this.ports.storage.getValue<string>(CURSOR)) ?? '';
    await this.replica.load();
    if (this.replica.timelines.size === 0) this.cursor = '';
    await this.people.load();
    await this.outbox.load();
    this.session.start();
  }

  /** Ends everything of this running copy; what is stored stays. */
  async stop(): Promise<void> {
    this.session.stop();
    this.outbox.stop();
    this.markers.stop();
    this.acks.stop();
    this.typingIn.clear();
    this.people.stop();
    this.presence.stop();
    this.timers.forEach((timer) => clearTimeout(timer));
    await this.replica.stop();
  }

  /** Stores a text and sends it when that is possible. */
  async send(conversationId: string, text: string, replyToSeq?: number): Promise<void> {
    this.typingOut.sent();
    await this.outbox.add(conversationId, { text, replyToSeq });
  }

  /** Stores a file and sends it when that is possible. */
  async sendFile(conversationId: string, file: OutboxFile, replyToSeq?: number): Promise<void> {
    await this.outbox.add(conversationId, { text: '', file, replyToSeq });
  }

  /** Asks again for the text of a voice message. */
  async transcribe(conversationId: string, seq: number): Promise<void> {
    const { message } = await this.ports.clients.messages.transcribe({ conversationId, seq: BigInt(seq) });
    if (message) await this.replica.change(toMessage(message));
  }

  /** Sends what a message says to another conversation, as a copy that names its source to who may see it. */
  async forward(conversationId: string, source: { conversationId: string; seq: number }): Promise<void> {
    const message = this.replica.timelines.get(source.conversationId)?.messages.get(source.seq);
    if (message?.text === undefined && !message?.file) return;
    await this.outbox.add(conversationId, { text: message.text ?? '', file: message.file, forwardOf: source });
  }

  /** The time of the server, as far as it has told. */
  now(): number {
    return Date.now() + this.session.clockOffset;
  }

  /** Takes a message of the user back. */
  async recall(conversationId: string, seq: number): Promise<void> {
    const { message } = await this.ports.clients.messages.recall({ conversationId, seq: BigInt(seq) });
    if (message) await this.replica.change(toMessage(message));
  }

  /** Hides a message for this user alone, on all devices. */
  async hide(conversationId: string, seq: number): Promise<void> {
    const { head } = await this.ports.clients.messages.hideMessage({ conversationId, seq: BigInt(seq) });
    const timeline = this.replica.timelines.get(conversationId);
    const rev = Number(head?.hiddenRev ?? 0);
    // Another device may have hidden something in between: that is asked for.
    this.replica.hide(conversationId, [seq], rev === (timeline?.record.localHiddenRev ?? 0) + 1 ? rev : 0);
    if (!timeline || !head) return;
    timeline.applyHead(toHead(head));
    await this.replica.pull(conversationId);
  }

  /** Gives a message of the user another text. */
  async edit(conversationId: string, seq: number, body: string): Promise<void> {
    const { message } = await this.ports.clients.messages.edit({ conversationId, seq: BigInt(seq), text: { body } });
    if (message) await this.replica.change(toMessage(message));
  }

  /** Gives a message an emoji, or takes it away again. */
  async react(conversationId: string, seq: number, emoji: string, remove: boolean): Promise<void> {
    const { message } = await this.ports.clients.messages.react({ conversationId, seq: BigInt(seq), emoji, remove });
    if (message) await this.replica.change(toMessage(message));
  }

  /** Outbox entries of a conversation that are not in its history yet, and how far their files are. */
  unsent(conversationId: string): (OutboxEntry & Partial<Way>)[] {
    return this.outbox.of(conversationId).map((entry) => ({ ...entry, ...this.outbox.way(entry.clientMessageId) }));
  }

  private async upload({ clientMessageId, file }: OutboxEntry, progress: (way: Way) => void, signal: AbortSignal): Promise<string> {
    if (!file?.blob) throw new Error('NOT_FOUND');
    const { upload } = await import('../files/upload');
    const { clients, bytes } = this.ports;
    return upload({ files: clients.files, put: bytes.put.bind(bytes), past: bytes.past }, { ...file, blob: file.blob, key: clientMessageId }, progress, signal);
  }

  private async resolve(): Promise<{ path: string; afterMs: number }> {
    try {
      const answer = await this.ports.clients.sessions.resolve({}, { timeoutMs: 5_000 });
      return { path: answer.path || '/v1/ws', afterMs: Number(answer.afterMs) };
    } catch (error) {
      const why = failure(error);
      const end = endOfSession(why);
      if (end) throw new LoginNeeded(end);
      return { path: '/v1/ws', afterMs: why.retryAfterMs };
    }
  }

  private phased(phase: Phase): void {
    if (phase === 'WAITING' || phase === 'STOPPED' || phase === 'SIGNED_OUT') this.presence.lost();
    this.events.phase(phase);
  }

  private ready(): void {
    this.outbox.pump();
    this.markers.resume();
  }

  private resumed(response: SyncResponse): Promise<void> | undefined {
    this.people.reloadSoon();
    if (response.reset || this.cursor === '') return this.reload();
    const heads = response.heads.map(toHead);
    this.oweMarkers(heads);
    if (response.complete && !this.replica.ahead(heads)) {
      void this.replica.heads(heads);
      void this.keepCursor(response.cursor);
      return undefined;
    }
    return this.follow(response);
  }

  // Pulls what the heads announce, page by page; the cursor is kept after each page is here.
  private async follow(first: SyncResponse): Promise<void> {
    for (let response = first; ; ) {
      // Without all of it the cursor stays: the next pong tells again.
      if (!(await this.replica.heads(response.heads.map(toHead)))) return;
      await this.keepCursor(response.cursor);
      if (response.complete) return;
      response = await this.ports.clients.messages.sync({ cursor: this.cursor });
      if (response.reset) return this.reload();
    }
  }

  // Continuity is lost, or nothing was here: the list tells all there is.
  private async reload(): Promise<void> {
    const listed = new Set<string>();
    // Who knows conversations already keeps the groups that were left; a new device starts without them.
    const includeLeft = this.replica.timelines.size > 0;
    let pageToken = '';
    let cursor = '';
    do {
      const answer = await this.ports.clients.conversations.listConversations({ pageSize: PAGE, pageToken, includeLeft });
      cursor ||= answer.cursor;
      for (const wire of answer.conversations) {
        listed.add(wire.conversationId);
        this.replica.take(wire);
      }
      await Promise.all(answer.conversations.map((wire) => this.replica.pull(wire.conversationId)));
      pageToken = answer.nextPageToken;
    } while (pageToken !== '');
    await this.replica.keepOnly(listed);
    await this.keepCursor(cursor);
  }

  private async keepCursor(cursor: string): Promise<void> {
    if (cursor === '') return;
    this.cursor = cursor;
    await this.replica.saved();
    await this.ports.storage.putValue(CURSOR, cursor).catch(() => undefined);
  }

  private frame(frame: ServerFrame): void {
    const { kind } = frame;
    switch (kind.case) {
      case 'messages':
        return this.replica.push(kind.value.conversationId, kind.value.items.map(toMessage));
      case 'change':
        return kind.value.message && this.background(this.replica.change(toMessage(kind.value.message)));
      case 'hidden':
        return this.replica.hide(kind.value.conversationId, [Number(kind.value.seq)]);
      case 'conversation':
        this.people.reloadSoon();
        return this.background(this.replica.takeFrame(kind.value));
      case 'read':
        return this.peerRead(kind.value.conversationId, kind.value.userId, Number(kind.value.seq));
      case 'typing':
        return this.typingIn.take(kind.value.conversationId, kind.value.userId, kind.value.state);
      case 'presence':
        return this.presence.take(kind.value);
      case 'event':
        if (kind.value.payload.case === 'user') return this.people.put([toPerson(kind.value.payload.value)]);
        return this.people.reloadSoon();
      case 'resync':
        return this.resync(kind.value.conversationId);
      case 'pong':
        return this.pong(kind.value.heads.map(toHead), kind.value.cursor, kind.value.complete);
    }
  }

  private resync(conversationId: string): void {
    if (conversationId !== '') {
      const timeline = this.replica.timelines.get(conversationId);
      this.session.track(timeline ? this.replica.pull(conversationId, timeline.record.head) : this.replica.fetch(conversationId));
      return;
    }
    this.people.reloadSoon();
    this.session.wake();
  }

  private pong(heads: Head[], cursor: string, complete: boolean): void {
    this.background(this.outbox.load()); // a tab may have been closed meanwhile
    if (!complete) {
      this.session.track(this.ports.clients.messages.sync({ cursor: this.cursor }).then((answer) => this.follow(answer)));
      return;
    }
    if (!this.replica.ahead(heads)) {
      void this.keepCursor(cursor);
      return;
    }
    // A push may be on its way: pull only what is still missing in a moment.
    this.after(PULL_AFTER_MS, () => this.background(this.replica.announced(heads).then((all) => (all ? this.keepCursor(cursor) : undefined))));
  }

  private peerRead(conversationId: string, userId: string, seq: number): void {
    const timeline = this.replica.timelines.get(conversationId);
    if (!timeline) return;
    if (userId === this.ports.me) {
      if (timeline.read(seq) && !timeline.countable && timeline.record.head.unread > 0) this.background(this.replica.fetch(conversationId));
    } else {
      timeline.record.markers[userId] = Math.max(seq, timeline.record.markers[userId] ?? 0);
    }
    this.replica.touch(conversationId);
  }

  private moveOwnMarker(conversationId: string, seq: number): boolean {
    const moved = this.replica.timelines.get(conversationId)?.read(seq) ?? false;
    if (moved) this.replica.touch(conversationId);
    return moved;
  }

  // What was read here while the connection was away is told again.
  private oweMarkers(heads: Head[]): void {
    for (const head of heads) {
      const here = this.replica.timelines.get(head.conversationId)?.record.head.readSeq ?? 0;
      if (here > head.readSeq) this.markers.owe(head.conversationId, here);
    }
  }

  private arrived(messages: ChatMessage[], live: boolean): void {
    for (const message of messages) {
      this.typingIn.end(message.conversationId, message.senderId);
      if (message.senderId === this.ports.me) this.outbox.seen(message.clientMessageId);
    }
    const others = messages.filter((message) => message.senderId !== this.ports.me);
    if (live && others.length > 0) this.events.arrived(others);
  }

  private background(work: Promise<void>): void {
    void work.catch((error: unknown) => console.warn('background sync failed', error));
  }

  private after(delayMs: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      run();
    }, delayMs);
    this.timers.add(timer);
  }
}
