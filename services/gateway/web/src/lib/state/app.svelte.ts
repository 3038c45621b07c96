// SPDX-License-Identifier: Apache-2.0
import { createClient, type Client, type Transport } from '@connectrpc/connect';
import type { DescService } from '@bufbuild/protobuf';
import { Chat } from '../protocol/chat';
import { createClients, type Clients } from '../protocol/clients';
import { closeRule, type CloseRule } from '../protocol/closecodes';
import type { Socket } from '../protocol/connection';
import type { ChatMessage, Person, Phase, System } from '../protocol/model';
import { toPerson } from '../protocol/convert';
import { endOfAccount, endOfSession, type Ended } from '../protocol/ended';
import type { Blocked, Friend, Request } from '../protocol/people';
import type { Storage } from '../protocol/ports';
import { failure, type Failure } from '../protocol/reasons';
import { uuid4 } from '../protocol/uuid';
import { Bytes } from '../files/bytes';
import { linkOf, Pictures } from '../files/pictures.svelte';
import * as local from '../storage/local';
import { MemoryStorage } from '../storage/memory';
import { holdInstance, instanceLives, Tabs, type Note } from '../storage/tabs';
import { fileText } from '../i18n/files';
import { systemText } from '../i18n/system';
import { i18n, t } from '../i18n/i18n.svelte';
import type { Me } from '../../gen/parley/user/v1/user_pb';
import { Actions } from './actions.svelte';
import { shownText, markdown } from '../text/markdown';
import { decode, mentionedIn } from '../text/mentions';
import { ConversationView, type Place } from './conversation.svelte';
import { deviceName } from './device';
import { Faces } from './faces.svelte';
import { Forwarding } from './forwarding.svelte';
import { Drafts } from './drafts.svelte';
import { notifying } from './notifying.svelte';
import { router } from './router.svelte';
import { version } from './version.svelte';
import { summaries, titleOf, type Summary } from './summary';

/** What differs between the real client and one in a test page. */
export interface Platform {
  transport(token: () => string | undefined): Transport;
  open(path: string): Socket;
  openStorage(userId: string): Promise<Storage>;
}

/** A call that failed, with the reason. */
export class CallFailed extends Error {
  constructor(readonly failure: Failure) {
    super(failure.reason);
  }
}

export type Announcement = { id: number; text: string };
const BANNER_MS = 3_000;
const ACTIVE_MS = 5 * 60_000;
const VERSION = '0.1.0';

/** App is the state of the client in this tab. */
export class App {
  status = $state<'loading' | 'signedOut' | 'signedIn'>('loading');
  me = $state.raw<Person | undefined>();
  phase = $state<Phase>('SIGNED_OUT');
  /** True when the connection has been away for 3 s. */
  away = $state(false);
  ended = $state.raw<Ended | undefined>();
  list = $state.raw<Summary[]>([]);
  listed = $state(false);
  friends = $state.raw<Friend[]>([]);
  incoming = $state.raw<Request[]>([]);
  outgoing = $state.raw<Request[]>([]);
  blocked = $state.raw<Blocked[]>([]);
  view = $state.raw<ConversationView | undefined>();
  /** The message that somebody wishes to see, until it is shown. */
  sought = $state.raw<{ conversationId: string; seq: number } | undefined>();
  announcement = $state.raw<Announcement>({ id: 0, text: '' });
  memoryOnly = $state(false);
  /** Grows when a profile changes: names are read again. */
  names = $state(0);
  chat: Chat | undefined;
  drafts: Drafts | undefined;
  readonly clients: Clients;
  readonly actions = new Actions(this);
  readonly forwarding = new Forwarding(this);
  readonly bytes = new Bytes(() => this.login?.token);
  readonly pictures = new Pictures(this.bytes, (fileIds, throughParley) => this.clients.files.batchGetFiles({ fileIds, throughParley }));
  readonly faces = new Faces((ids) => this.chat?.presence.watch(ids));
  /** A message that is to be shown, once its conversation is open. */
  target = $state.raw<{ conversationId: string; seq: number } | undefined>();
  readonly unread: number = $derived(this.list.reduce((sum, one) => sum + one.unread, 0));
  private readonly transport: Transport;
  private login: local.Login | undefined;
  private storage: Storage | undefined;
  private readonly instanceId = uuid4();
  private readonly tabs = new Tabs((note) => this.hear(note));
  private readonly places = new Map<string, Place>();
  private bannerTimer: ReturnType<typeof setTimeout> | undefined;
  private reconnects = false;
  private listQueued = false;
  private lastUse = Date.now();

  constructor(private readonly platform: Platform) {
    this.transport = platform.transport(() => this.login?.token);
    this.clients = createClients(this.transport);
    holdInstance(this.instanceId);
  }

  /** Takes up the login that this device has, if it has one. */
  async start(): Promise<void> {
    const login = local.login.load();
    if (login) await this.enter(login);
    else this.status = 'signedOut';
  }

  /** Makes a call; a failure carries its reason, and an ended session leads to the sign-in screen. */
  async call<T>(work: (clients: Clients) => Promise<T>): Promise<T> {
    try {
      return await work(this.clients);
    } catch (error) {
      const why = failure(error);
      const end = this.login && endOfSession(why);
      if (end) await this.leave(end);
      else if (!this.login) this.ended = endOfAccount(why) ?? (this.ended?.name === 'SUSPENDED' ? undefined : this.ended);
      throw new CallFailed(why);
    }
  }

  /** A client for a service that only a part of the screens needs. */
  clientOf<S extends DescService>(service: S): Client<S> {
    return createClient(service, this.transport);
  }

  device() {
    return { deviceId: local.deviceId(), name: deviceName() };
  }

  /** Signs in with what register or login answered. */
  async signedIn(answer: { user?: Me; token: string; loginSessionId: string }): Promise<void> {
    const user = answer.user?.user;
    if (!user) return;
    const login = { userId: user.userId, token: answer.token, loginSessionId: answer.loginSessionId };
    local.login.save(login);
    this.tabs.tell({ kind: 'signed-in' });
    router.entered();
    await this.enter(login, toPerson(user));
  }

  /** Signs out by own wish: the session ends and everything on this device goes. */
  async signOut(): Promise<void> {
    await this.clients.auth.logout({}, { timeoutMs: 5_000 }).catch(() => undefined);
    local.login.save(undefined);
    this.tabs.tell({ kind: 'signed-out' });
    await this.leave(undefined, true);
  }

  /** Leaves after the account was deleted: nothing of it stays on this device. */
  async deleted(): Promise<void> {
    this.tabs.tell({ kind: 'signed-out' });
    await this.leave(closeRule(4304, 'ACCOUNT_DELETED'));
  }

  /** The name of a person, the own remark first; waits for nobody, so it may be empty at first. */
  name(userId: string): string {
    void this.names;
    return this.chat?.people.nameOf(userId) ?? '';
  }

  /** The picture of a person, at least so many pixels large; undefined or empty while there is none. */
  portrait(userId: string, side: number): string | undefined {
    void this.names;
    return this.pictures.of(this.chat?.people.known.get(userId)?.avatarFileId, side);
  }

  /** Fetches the bytes of a file. */
  async fetchFile(fileId: string): Promise<Blob> {
    return this.bytes.fetch(async (throughParley) => {
      const { file } = await this.call((clients) => clients.files.getFile({ fileId, throughParley }));
      return (file && linkOf(file)) ?? { url: '' };
    });
  }

  /** Gives the user another picture; none if the id is empty. */
  async setAvatar(fileId: string): Promise<void> {
    const { me } = await this.call((clients) => clients.users.updateProfile({ avatarFileId: fileId }));
    if (me?.user) this.setMe(toPerson(me.user));
  }

  /** What a conversation is called; may be empty at first. */
  title(conversationId: string): string {
    void this.names;
    void this.list;
    const timeline = this.chat?.replica.timelines.get(conversationId);
    return timeline && this.me ? titleOf(timeline, this.me.userId, (id) => this.name(id)) : '';
  }

  /** What happened to a group, in the language of the reader. */
  system(what: System): string {
    return systemText(what, this.me?.userId ?? '', (id) => this.name(id));
  }

  /** Keeps somebody away. */
  async block(userId: string): Promise<void> {
    await this.call((clients) => clients.friends.blockUser({ userId }));
    await this.chat?.people.reload();
  }

  /** Takes a block back. */
  async unblock(userId: string): Promise<void> {
    await this.call((clients) => clients.friends.unblockUser({ userId }));
    await this.chat?.people.reload();
  }

  /** Opens a conversation, or none. */
  show(conversationId: string | undefined): void {
    if (this.view?.id === conversationId) return;
    this.closeView();
    this.forwarding.clear();
    this.actions.notice = '';
    const timeline = conversationId ? this.chat?.replica.timelines.get(conversationId) : undefined;
    if (this.chat && timeline && this.me) {
      this.view = new ConversationView(this.chat, timeline, this.me.userId, this.places.get(timeline.record.id));
      this.changed(timeline.record.id);
    }
  }

  /** What a message says, without marks of any kind. */
  spoken(message: ChatMessage): string {
    if (message.file) return fileText(message.file);
    return message.text === undefined ? t('chat.unknownKind') : shownText(markdown(decode(message.text, (id) => this.name(id)).text));
  }

  /** Opens a conversation at a message. */
  seek(conversationId: string, seq: number): void {
    this.sought = { conversationId, seq };
    router.go({ at: 'chats', conversationId });
  }

  /** Marks everything in the open conversation as read. Answers false if nothing was unread. */
  markRead(): boolean {
    const { view } = this;
    const head = view && this.chat?.replica.timelines.get(view.id)?.record.head;
    if (!head || head.unread === 0) return false;
    this.chat?.markers.read(view.id, head.seq);
    view.below = 0;
    view.forgetNew();
    return true;
  }

  /** Opens a conversation at a message. */
  goTo(conversationId: string, seq: number): void {
    this.target = { conversationId, seq };
    router.go({ at: 'chats', conversationId });
  }

  /** Marks that a person uses the client. */
  used(): void {
    const rested = !this.inUse();
    this.lastUse = Date.now();
    // Who comes back is told to be there again at once.
    if (rested) this.chat?.session.wake();
  }

  /** Stores what only this page has, because it may go away. */
  flush(): void {
    void this.drafts?.flush();
  }

  private async enter(login: local.Login, me?: Person): Promise<void> {
    this.login = login;
    this.ended = undefined;
    const storage = await this.platform.openStorage(login.userId).catch(() => {
      this.memoryOnly = true;
      return new MemoryStorage();
    });
    this.storage = storage;
    this.me = me ?? (await storage.getValue<Person>('me')) ?? { userId: login.userId, username: '', nickname: '', description: '' };
    if (me) await storage.putValue('me', me).catch(() => undefined);
    this.drafts = new Drafts(login.userId, storage, (draft) => this.tabs.tell({ kind: 'draft', userId: login.userId, draft }));
    await this.drafts.load();
    this.chat = this.makeChat(login, storage);
    await this.chat.start();
    this.status = 'signedIn';
    this.refreshList();
    this.listed ||= this.list.length > 0;
    void this.loadMe();
  }

  private makeChat(login: local.Login, storage: Storage): Chat {
    return new Chat(
      {
        me: login.userId,
        identity: { token: login.token, deviceId: local.deviceId(), instanceId: this.instanceId, appVersion: VERSION, locale: i18n.locale },
        clients: this.clients,
        storage,
        open: (path) => this.platform.open(path),
        random: Math.random,
        hidden: () => document.hidden,
        active: () => this.inUse(),
        owned: instanceLives,
        bytes: this.bytes,
      },
      {
        phase: (phase) => this.phased(phase),
        conversation: (id) => this.changed(id),
        people: () => this.peopleChanged(),
        presence: (id, known) => this.faces.set(id, known),
        arrived: (messages) => this.announce(messages),
        ended: (rule) => void this.leave(rule),
      },
    );
  }

  private inUse(): boolean {
    return Date.now() - this.lastUse < ACTIVE_MS;
  }

  private async loadMe(): Promise<void> {
    const { me } = await this.call((clients) => clients.users.getMe({})).catch(() => ({ me: undefined }));
    if (me?.user) this.setMe(toPerson(me.user));
  }

  /** Takes the own profile as the server has it. */
  setMe(person: Person): void {
    this.me = person;
    this.chat?.people.put([person]);
    void this.storage?.putValue('me', person).catch(() => undefined);
  }

  // Ends the stay of this tab: the server ended it, another tab did, or the user wished it.
  private async leave(rule: CloseRule | undefined, all = false): Promise<void> {
    if (rule?.action === 'stop') {
      this.ended = rule;
      return;
    }
    if (!this.chat) return;
    const { chat, storage, login } = this;
    const wipe = all || rule?.wipe === true;
    if (wipe) void notifying.forget();
    if (wipe) this.drafts?.forget();
    else await this.drafts?.flush();
    this.closeView();
    this.chat = undefined;
    this.login = undefined;
    this.ended = rule;
    // Another tab may have signed in anew meanwhile.
    if (rule && local.login.load()?.token === login?.token) local.login.save(undefined);
    Object.assign(this, { status: 'signedOut', me: undefined, list: [], friends: [], incoming: [], outgoing: [], blocked: [], listed: false, away: false });
    this.places.clear();
    this.pictures.clear();
    this.actions.clear();
    this.forwarding.clear();
    router.go({ at: 'signIn' }, true);
    await chat.stop();
    await storage?.wipe(wipe).catch(() => undefined);
    storage?.close();
  }

  private hear(note: Note): void {
    if (note.kind === 'signed-out') void this.leave({ action: 'login', name: '', wipe: true });
    if (note.kind === 'signed-in') this.signedInElsewhere();
    if (note.kind === 'draft' && note.userId === this.login?.userId) {
      this.drafts?.show(note.draft);
      this.queueList();
    }
  }

  private signedInElsewhere(): void {
    if (this.status === 'signedOut') void this.start();
    const login = local.login.load();
    if (!login || login.userId !== this.login?.userId) return;
    this.login = login;
    this.chat?.session.setToken(login.token);
  }

  private phased(phase: Phase): void {
    this.phase = phase;
    // Who connects again may meet a server that was renewed meanwhile.
    if (phase === 'WAITING' || phase === 'MOVING') this.reconnects = true;
    else if (phase === 'LIVE' && this.reconnects) {
      this.reconnects = false;
      void version.check();
    }
    if (phase === 'LIVE') this.listed = true;
    const fine = phase === 'LIVE' || phase === 'SYNCING' || phase === 'MOVING' || phase === 'SIGNED_OUT';
    if (fine) {
      clearTimeout(this.bannerTimer);
      this.bannerTimer = undefined;
      this.away = false;
      return;
    }
    this.bannerTimer ??= setTimeout(() => (this.away = true), BANNER_MS);
  }

  private changed(conversationId: string): void {
    if (this.view?.id === conversationId) this.view.refresh();
    const { chat } = this;
    const record = chat?.replica.timelines.get(conversationId)?.record;
    if (chat && record) {
      const open = this.view?.id === conversationId;
      if (record.head.unread === 0) void notifying.read(conversationId, record.head.readSeq);
      void chat.people.need([...record.memberIds, ...(record.group?.faces ?? []), ...(open ? this.view!.named() : [])]);
      if (record.group && (open || record.group.name === '')) chat.groups.need(conversationId);
      const last = record.group && chat.replica.timelines.get(conversationId)!.messages.get(record.localSeq);
      if (last) void chat.people.need([last.senderId, ...(last.system?.userIds ?? []), ...mentionedIn(last.text ?? '')]);
    }
    this.queueList();
  }

  private peopleChanged(): void {
    if (!this.chat) return;
    const { people } = this.chat;
    this.names++;
    this.friends = [...people.friends];
    this.incoming = [...people.incoming];
    this.outgoing = [...people.outgoing];
    this.blocked = [...people.blocked];
    const own = this.me && people.known.get(this.me.userId);
    if (own) this.me = own;
    this.queueList();
  }

  /** Makes the list again, once for many changes. */
  queueList(): void {
    if (this.listQueued) return;
    this.listQueued = true;
    setTimeout(() => {
      this.listQueued = false;
      this.refreshList();
    }, 16);
  }

  private refreshList(): void {
    if (!this.chat || !this.me) return;
    this.list = summaries(this.chat, this.me.userId, this.drafts?.texts ?? new Map(), (id) => this.name(id));
  }

  private announce(messages: ChatMessage[]): void {
    if (this.phase !== 'LIVE' && this.phase !== 'MOVING') return;
    void notifying.tell(messages, this);
    for (const message of messages) {
      if (message.conversationId !== this.view?.id) continue;
      const text = message.system ? this.system(message.system) : t('chat.announce', { name: this.name(message.senderId), text: this.spoken(message) });
      this.announcement = { id: this.announcement.id + 1, text };
    }
  }

  private closeView(): void {
    if (!this.view) return;
    this.view.leave();
    this.places.set(this.view.id, this.view.place);
    this.view = undefined;
  }
}
