// SPDX-License-Identifier: Apache-2.0
import { ContentKind, SearchField } from '../../gen/parley/message/v1/message_pb';
import { CallFailed, type App } from './app.svelte';
import type { Failure } from '../protocol/reasons';
import { toMessage } from '../protocol/convert';
import type { ChatMessage } from '../protocol/model';
import { dayStart } from '../text/day';
import { mentionedIn } from '../text/mentions';
import { spansOf, type Span } from '../text/snippet';
import { NOTHING, same, type Sought } from './sought';

/** A message that was found. */
export interface Hit {
  message: ChatMessage;
  /** Which of its texts matched. */
  field: SearchField;
  spans: readonly Span[];
}

/** Hits of one conversation that follow each other. */
export interface Group {
  conversationId: string;
  hits: Hit[];
}

/** What asks the server: one page of hits, and where the next one begins. */
export type Ask = (sought: Sought, pageToken: string, signal: AbortSignal) => Promise<{ hits: Hit[]; next: string }>;

/** Why a question is not asked: nothing is typed, a single letter, or more than the server takes. */
export type Unasked = 'empty' | 'short' | 'long';

/** How long nobody types before the server is asked. */
export const PAUSE_MS = 300;
const KINDS = { text: ContentKind.TEXT, image: ContentKind.IMAGE, file: ContentKind.FILE, voice: ContentKind.VOICE };
const BYTES_MOST = 256;
const WORDS_MOST = 32;
const PAGES_MOST = 10;
/** Scripts of which one character is a word. */
const WHOLE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
const EMOJI = /\p{Extended_Pictographic}/u;

/** Answers why a query is not worth asking for, or undefined if it is. */
export function unasked(query: string): Unasked | undefined {
  const bare = query.replace(/["“”＂]/g, ' ').trim();
  if (bare === '') return 'empty';
  if (new TextEncoder().encode(query).length > BYTES_MOST || bare.split(/\s+/u).length > WORDS_MOST) return 'long';
  const short = (word: string) => [...word].length < 2 && !WHOLE.test(word) && !EMOJI.test(word);
  return bare.normalize('NFKC').split(/\s+/u).every(short) ? 'short' : undefined;
}

/** Search is a search with its results, as they are shown. */
export class Search {
  sought = $state.raw<Sought>(NOTHING);
  hits = $state.raw<readonly Hit[]>([]);
  /** Where the next page begins; empty after the last. */
  next = $state('');
  busy = $state(false);
  /** True once the server has answered what is sought. */
  answered = $state(false);
  failed = $state.raw<Failure | undefined>();
  /** How far the results were scrolled. */
  scrolled = 0;
  private running: AbortController | undefined;
  private pause: ReturnType<typeof setTimeout> | undefined;
  /** Grows with each question: an answer to an older one counts no more. */
  private asked = 0;
  private line: Promise<void> = Promise.resolve();

  constructor(
    private readonly ask: Ask,
    private readonly told: (hits: readonly Hit[]) => void = () => undefined,
  ) {}

  /** Why nothing is asked; undefined if something is. */
  get unasked(): Unasked | undefined {
    return unasked(this.sought.query);
  }

  /** Takes what is sought now, and asks the server once nobody types any more. */
  type(sought: Sought, waitMs = PAUSE_MS, again = waitMs === 0): void {
    if (same(sought, this.sought) && !again) return;
    this.sought = sought;
    this.forget();
    if (this.unasked) return;
    this.busy = true;
    this.pause = setTimeout(() => {
      this.pause = undefined;
      void this.page('');
    }, waitMs);
  }

  /** Waits for an input method: what is typed so far is no word yet. */
  hold(): void {
    if (this.pause === undefined) return;
    this.stop();
  }

  /** Goes on after an input method that left everything as it was. */
  resume(): void {
    if (!this.busy && !this.answered && !this.failed) this.type(this.sought, PAUSE_MS, true);
  }

  /** Asks now what was not asked yet. */
  now(): void {
    if (this.pause !== undefined || !(this.busy || this.answered || this.failed)) this.type(this.sought, 0);
  }

  /** Waits for the answer to what is sought. */
  async settled(): Promise<void> {
    while (this.busy) await (this.pause === undefined ? this.line : new Promise((done) => setTimeout(done, PAUSE_MS)));
  }

  /** Asks again what failed. */
  again(): void {
    if (this.next !== '') void this.more();
    else this.type(this.sought, 0);
  }

  /** Loads the next page. */
  async more(): Promise<void> {
    if (this.next === '' || this.busy) return;
    this.busy = true;
    await this.page(this.next);
  }

  /** Loads pages until a message is among the hits, if it is not far. */
  async reach(messageId: string): Promise<void> {
    const here = () => this.hits.some((hit) => hit.message.messageId === messageId);
    for (let pages = 0; !here() && this.next !== '' && pages < PAGES_MOST && !this.failed; pages++) await this.more();
  }

  private stop(): void {
    clearTimeout(this.pause);
    this.pause = undefined;
    this.running?.abort();
    this.asked++;
    this.busy = false;
  }

  private forget(): void {
    this.stop();
    this.hits = [];
    this.next = '';
    this.answered = false;
    this.failed = undefined;
    this.scrolled = 0;
  }

  // One question at a time: the one before has ended, because it was answered or broken off.
  private page(token: string): Promise<void> {
    const number = ++this.asked;
    this.running?.abort();
    this.line = this.line.catch(() => undefined).then(() => (number === this.asked ? this.fetch(number, token) : undefined));
    return this.line;
  }

  private async fetch(number: number, token: string): Promise<void> {
    const running = (this.running = new AbortController());
    this.failed = undefined;
    try {
      const { hits, next } = await this.ask(this.sought, token, running.signal);
      if (number !== this.asked) return;
      const known = new Set(token === '' ? [] : this.hits.map((hit) => hit.message.messageId));
      this.hits = [...(token === '' ? [] : this.hits), ...hits.filter((hit) => !known.has(hit.message.messageId))];
      this.next = next;
      this.answered = true;
      this.told(hits);
    } catch (error) {
      if (number !== this.asked) return;
      if (!(error instanceof CallFailed)) throw error;
      this.failed = error.failure;
    } finally {
      if (number === this.asked) this.busy = false;
    }
  }
}

/** Asks the server of an app. */
export function asking(app: App): Ask {
  return async (sought, pageToken, signal) => {
    const until = sought.to === '' ? undefined : dayAfter(sought.to);
    const answer = await app.call((clients) =>
      clients.messages.search(
        {
          query: sought.query.trim(),
          conversationId: sought.in,
          senderId: sought.by,
          withLink: sought.links,
          fromTime: BigInt(dayStart(sought.from) ?? 0),
          untilTime: BigInt(until ?? 0),
          kinds: sought.kind === '' ? [] : [KINDS[sought.kind]],
          pageToken,
        },
        { signal },
      ),
    );
    const hits = answer.hits.flatMap(({ message, spans, field }) => (message ? [{ message: toMessage(message), field, spans: spans.map(({ start, end }) => ({ start, end })) }] : []));
    return { hits, next: answer.nextPageToken };
  };
}

/** When the day after a local day begins, ms. */
function dayAfter(text: string): number | undefined {
  const start = dayStart(text);
  if (start === undefined) return undefined;
  const date = new Date(start);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
}

/** How a message is known here by now: what a newer copy says of it, and whether the user hid it. */
export type Now = (message: ChatMessage) => { newer: ChatMessage | undefined; hidden: boolean };

/** The hits as they are now: what was taken back or hidden is gone, what was edited counts by its new text. */
export function current(hits: readonly Hit[], query: string, now: Now): Hit[] {
  return hits.flatMap((hit) => {
    const { newer, hidden } = now(hit.message);
    if (hidden || newer?.recalled) return [];
    if (!newer || newer.rev <= hit.message.rev || textOf(newer, hit.field) === textOf(hit.message, hit.field)) return [hit];
    const text = textOf(newer, hit.field);
    const spans = text === undefined ? undefined : spansOf(text, query);
    return spans ? [{ ...hit, message: newer, spans }] : [];
  });
}

/** The text of a message in which something was found. */
export function textOf({ text, file }: ChatMessage, field: SearchField): string | undefined {
  switch (field) {
    case SearchField.NAME:
      return file?.name;
    case SearchField.ALT:
      return file?.alt;
    case SearchField.TRANSCRIPT:
      return file?.transcript?.text;
    default:
      return text;
  }
}

/** Hits in groups: those of one conversation that follow each other are together. */
export function groups(hits: readonly Hit[]): Group[] {
  const all: Group[] = [];
  for (const hit of hits) {
    const last = all.at(-1);
    if (last?.conversationId === hit.message.conversationId) last.hits.push(hit);
    else all.push({ conversationId: hit.message.conversationId, hits: [hit] });
  }
  return all;
}

const kept = new WeakMap<object, Search>();

/** The search of a stay: it is there again when somebody comes back to it. */
export function searchOf(app: App): Search | undefined {
  const { chat } = app;
  if (!chat) return undefined;
  let search = kept.get(chat);
  if (!search) {
    const need = (hits: readonly Hit[]) => void chat.people.need(hits.flatMap(({ message }) => [message.senderId, ...mentionedIn(message.text ?? '')]));
    kept.set(chat, (search = new Search(asking(app), need)));
  }
  return search;
}

/** What the device knows of messages by now. */
export function knownBy(app: App): Now {
  return (message) => {
    const timeline = app.chat?.replica.timelines.get(message.conversationId);
    return { newer: timeline?.messages.get(message.seq), hidden: timeline?.hides(message.seq) ?? false };
  };
}
