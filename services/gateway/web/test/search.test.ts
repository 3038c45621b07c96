// SPDX-License-Identifier: Apache-2.0
import { Code } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SearchField } from '../src/gen/parley/message/v1/message_pb';
import type { ChatMessage } from '../src/lib/protocol/model';
import { CallFailed } from '../src/lib/state/app.svelte';
import { href, parse } from '../src/lib/state/router.svelte';
import { current, groups, PAUSE_MS, Search, unasked, type Ask, type Hit } from '../src/lib/state/search.svelte';
import { NOTHING, readSought, writeSought, type Sought } from '../src/lib/state/sought';
import { marks, nameSpans } from '../src/lib/text/marks';
import { snippet, spansOf, words, type Piece } from '../src/lib/text/snippet';

const LI = '0199a7f0-0000-7000-8000-000000000001';
const called = (id: string) => (id === LI ? '李小波' : '');
const drawn = (pieces: readonly Piece[]) => pieces.map(({ text, hit }) => (hit ? `[${text}]` : text)).join('');
// Where a part stands, in code points.
const spanOf = (text: string, part: string) => {
  const start = [...text.slice(0, text.indexOf(part))].length;
  return { start, end: start + [...part].length };
};
const cut = (text: string, ...parts: string[]) => drawn(snippet(text, parts.map((part) => spanOf(text, part)), called));

describe('a snippet', () => {
  it.each([
    ['the middle of a Chinese sentence', '我家在上海东边。', ['上海'], '我家在[上海]东边。'],
    ['spans count characters, not units', '😀😀 上海 😀', ['上海'], '😀😀 [上海] 😀'],
    ['a character of two units is a hit', '你好😀再见', ['😀'], '你好[😀]再见'],
    ['a rare character of Chinese', '𠮷野家在上海', ['野家'], '𠮷[野家]在上海'],
    ['two hits', 'tea and cake', ['tea', 'cake'], '[tea] and [cake]'],
    ['markers are not shown', '**明天**十点在`上海`开会', ['上海'], '明天十点在[上海]开会'],
    ['a hit over a marker', '**明**天见', ['明**天'], '[明天]见'],
    ['quotes, lists and code', '> 旧的\n- 一\n- 二\n```\n上海\n```', ['上海'], '旧的 一 二 [上海]'],
    ['a mention by its name', `请<@${LI}>看上海`, ['上海'], '请@李小波看[上海]'],
    ['a mention that is a hit', `请<@${LI}>看`, [`<@${LI}>`], '请[@李小波]看'],
    ['a label without its address', '[地图](https://example.com/map)在这里', ['这里'], '地图在[这里]'],
    ['an address that is the hit', '[地图](https://example.com/map)', ['map'], '地图 https://example.com/[map]'],
    ['markup stays text', '<b>上海</b> <img src=x>', ['上海'], '<b>[上海]</b> <img src=x>'],
    ['nothing marked', '上海', [], '上海'],
  ])('%s', (_, text, parts, shown) => expect(cut(text, ...parts)).toBe(shown));

  it('is cut around the first hit', () => {
    const shown = cut(`${'一二三四五六七八九十'.repeat(30)}上海${'甲乙丙丁'.repeat(60)}`, '上海');
    expect(shown).toMatch(/^….{24}\[上海\].*…$/u);
    expect([...shown].length).toBeLessThan(150);
  });
  it('is not cut inside a family', () => {
    const text = `${'👨‍👩‍👧'.repeat(40)}上海${'y'.repeat(200)}`;
    expect(cut(text, '上海')).toMatch(/^…(👨‍👩‍👧)+\[上海\]/u);
  });
  it('stays whole where the spans are wrong', () => expect(drawn(snippet('上海', [{ start: 1, end: 99 }, { start: 7, end: 3 }], called))).toBe('上[海]'));
});

describe('words in a text that was edited', () => {
  it.each([
    ['ＰＡＲＬＥＹ發布', 'parley', '[ＰＡＲＬＥＹ]發布'],
    ['Déjà vu', 'deja', '[Déjà] vu'],
    ['明天十点在上海开会', '开会 上海', '明天十点在[上海开会]'],
    ['a “quoted phrase” here', '"quoted phrase"', 'a “[quoted phrase]” here'],
  ])('%s has %s', (text, query, shown) => expect(drawn(snippet(text, spansOf(text, query)!, called))).toBe(shown));
  it('all of them must be there', () => expect(spansOf('我家在上海', '上海 北京')).toBeUndefined());
  it('a quote that is not closed is none', () => expect(words('say "hello there')).toEqual(['say', 'hello', 'there']));
});

describe('what is worth asking', () => {
  it.each([
    ['', 'empty'],
    ['  \u3000', 'empty'],
    ['""', 'empty'],
    ['a', 'short'],
    ['a b', 'short'],
    ['ａ', 'short'],
    ['海', undefined],
    ['か', undefined],
    ['밥', undefined],
    ['ab', undefined],
    ['a 海', undefined],
    ['😀', undefined],
    ['海'.repeat(86), 'long'],
    ['ab '.repeat(33), 'long'],
  ])('%j: %s', (query, why) => expect(unasked(query)).toBe(why));
});

describe('the address', () => {
  const all: Sought = { query: '上海 & #1', in: LI, by: LI, from: '2026-11-01', to: '2026-11-30', links: true, kind: 'file', opened: LI };
  it('keeps what is sought, and back', () => expect(readSought(writeSought(all))).toEqual(all));
  it('keeps it from the server', () => {
    const path = href({ at: 'search', sought: all });
    expect(new URL(path, 'https://example.com').pathname).toBe('/search');
    expect(new URL(path, 'https://example.com').search).toBe('');
  });
  it('of nothing is the path alone', () => expect(href(parse('/search'))).toBe('/search'));
  it.each(['#in=x&from=2026-13-01&by=..&at=1', '', '#'])('%j restricts nothing', (hash) => expect(readSought(hash)).toEqual(NOTHING));
});

const message = (seq: number, text: string, more: Partial<ChatMessage> = {}): ChatMessage => ({
  conversationId: 'c1',
  seq,
  messageId: `m${seq}`,
  clientMessageId: '',
  senderId: LI,
  sentAt: seq,
  rev: 0,
  text,
  ...more,
});
const hit = (seq: number, more: Partial<ChatMessage> = {}): Hit => ({ field: SearchField.UNSPECIFIED, message: message(seq, '在上海', more), spans: [{ start: 1, end: 3 }] });

describe('results as they are now', () => {
  const now = (newer?: ChatMessage, hidden = false) => () => ({ newer, hidden });
  it.each([
    ['stay', now(), ['在上海']],
    ['recalled', now(message(1, '', { rev: 2, text: undefined, recalled: { by: LI, at: 1 } })), []],
    ['hidden', now(undefined, true), []],
    ['edited, the word stays', now(message(1, '到上海了', { rev: 2 })), ['到上海了']],
    ['edited, the word is gone', now(message(1, '到北京了', { rev: 2 })), []],
    ['an older copy', now(message(1, '到北京了', { rev: 0 })), ['在上海']],
  ])('%s', (_, known, texts) => expect(current([hit(1, { rev: 1 })], '上海', known).map((one) => one.message.text)).toEqual(texts));

  it('of one conversation in a row are together', () => {
    const hits = [hit(3), hit(2), hit(9, { conversationId: 'c2' }), hit(1)];
    expect(groups(hits).map((one) => [one.conversationId, one.hits.length])).toEqual([['c1', 2], ['c2', 1], ['c1', 1]]);
  });
});

describe('asking', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const wish = (query: string): Sought => ({ ...NOTHING, query });

  /** A server whose answers wait until the test gives them. */
  function server() {
    const open: { query: string; token: string; signal: AbortSignal; answer: (hits: Hit[], next?: string) => void; fail: (reason: string) => void }[] = [];
    let running = 0;
    let most = 0;
    const ask: Ask = (sought, token, signal) => {
      most = Math.max(most, ++running);
      const promise = new Promise<{ hits: Hit[]; next: string }>((resolve, reject) => {
        const fail = (reason: string) => reject(new CallFailed({ reason, retryAfterMs: 0, metadata: {}, code: Code.Unavailable }));
        signal.addEventListener('abort', () => fail('UNAVAILABLE'));
        open.push({ query: sought.query, token, signal, answer: (hits, next = '') => resolve({ hits, next }), fail });
      });
      return promise.finally(() => running--);
    };
    return { ask, open, most: () => most };
  }

  it('waits until nobody types', async () => {
    const { ask, open } = server();
    const search = new Search(ask);
    for (const query of ['s', 'sh', 'sha', 'shanghai']) {
      search.type(wish(query));
      await vi.advanceTimersByTimeAsync(PAUSE_MS - 1);
    }
    expect(open).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(open.map((one) => one.query)).toEqual(['shanghai']);
  });

  it('holds while an input method composes, and goes on after it', async () => {
    const { ask, open } = server();
    const search = new Search(ask);
    search.type(wish('上海'));
    search.hold();
    await vi.advanceTimersByTimeAsync(10 * PAUSE_MS);
    expect(open).toEqual([]);
    search.resume();
    await vi.advanceTimersByTimeAsync(PAUSE_MS);
    expect(open.map((one) => one.query)).toEqual(['上海']);
  });

  it('asks one question at a time, and drops what came too late', async () => {
    const { ask, open, most } = server();
    const search = new Search(ask);
    search.type(wish('first'), 0);
    await vi.advanceTimersByTimeAsync(0);
    search.type(wish('second'), 0);
    await vi.advanceTimersByTimeAsync(0);
    expect(open[0]!.signal.aborted).toBe(true);
    open[1]!.answer([hit(2)]);
    open[0]!.answer([hit(1)]);
    await vi.advanceTimersByTimeAsync(0);
    expect(search.hits.map((one) => one.message.seq)).toEqual([2]);
    expect(most()).toBe(1);
    expect(search.failed).toBeUndefined();
  });

  it('asks for what is too short never', async () => {
    const { ask, open } = server();
    const search = new Search(ask);
    search.type(wish('a'));
    await vi.advanceTimersByTimeAsync(10 * PAUSE_MS);
    expect(open).toEqual([]);
    expect([search.busy, search.unasked]).toEqual([false, 'short']);
  });

  it('loads page after page, each message once, up to the one that was opened', async () => {
    const { ask, open } = server();
    const search = new Search(ask);
    search.type(wish('上海'), 0);
    await vi.advanceTimersByTimeAsync(0);
    open[0]!.answer([hit(5), hit(4)], 'p2');
    await search.settled();
    const reached = search.reach('m2');
    await vi.advanceTimersByTimeAsync(0);
    expect(open[1]!.token).toBe('p2');
    open[1]!.answer([hit(4), hit(3)], 'p3');
    await vi.advanceTimersByTimeAsync(0);
    open[2]!.answer([hit(2), hit(1)], 'p4');
    await reached;
    expect(search.hits.map((one) => one.message.seq)).toEqual([5, 4, 3, 2, 1]);
    expect(search.next).toBe('p4');
  });

  it('says why it failed, and asks again', async () => {
    const { ask, open } = server();
    const search = new Search(ask);
    search.type(wish('上海'), 0);
    await vi.advanceTimersByTimeAsync(0);
    open[0]!.fail('SEARCH_UNAVAILABLE');
    await vi.advanceTimersByTimeAsync(0);
    expect([search.failed?.reason, search.busy]).toEqual(['SEARCH_UNAVAILABLE', false]);
    search.again();
    await vi.advanceTimersByTimeAsync(0);
    open[1]!.answer([hit(1)]);
    await vi.advanceTimersByTimeAsync(0);
    expect([search.failed, search.hits.length]).toEqual([undefined, 1]);
  });

  it('keeps what is there when a next page fails', async () => {
    const { ask, open } = server();
    const search = new Search(ask);
    search.type(wish('上海'), 0);
    await vi.advanceTimersByTimeAsync(0);
    open[0]!.answer([hit(5)], 'p2');
    await vi.advanceTimersByTimeAsync(0);
    void search.more();
    await vi.advanceTimersByTimeAsync(0);
    open[1]!.fail('UNAVAILABLE');
    await vi.advanceTimersByTimeAsync(0);
    expect([search.hits.length, search.next, search.failed?.reason]).toEqual([1, 'p2', 'UNAVAILABLE']);
  });
});

describe('marks in names', () => {
  const shown = (name: string, query: string) => marks(name, nameSpans(name, query)).map(({ text, hit }) => (hit ? `[${text}]` : text)).join('');
  it.each([
    ['田中　太郎', '中太', '田[中　太]郎'],
    ['田中　太郎', '太郎 田中', '[田中]　[太郎]'],
    ['王小明', '明', '王小[明]'],
    ['Je\u0301re\u0301mie F', 'jer', '[Je\u0301r]e\u0301mie F'],
    ['Alice Wren', 'w', 'Alice [W]ren'],
    ['Alice Wren', 'l', 'Alice Wren'],
    ['O’Brien', 'obrien', '[O’Brien]'],
    ['𠮷野家 😀', '野家', '𠮷[野家] 😀'],
    ['Maximiliane', 'mili', 'Maxi[mili]ane'],
  ])('%s by %s', (name, query, marked) => expect(shown(name, query)).toBe(marked));
  it('are those of the server where it found somebody', () => {
    expect(marks('田中太郎', [{ start: 1, end: 3 }])).toEqual([
      { text: '田', hit: false },
      { text: '中太', hit: true },
      { text: '郎', hit: false },
    ]);
    expect(marks('', [])).toEqual([]);
  });
});
