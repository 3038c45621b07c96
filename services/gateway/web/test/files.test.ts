// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, vi } from 'vitest';
import type { OutboxFile } from '../src/lib/protocol/model';
import { Drafts } from '../src/lib/state/drafts.svelte';
import { MemoryStorage } from '../src/lib/storage/memory';
import { choose } from '../src/lib/files/choose';
import { condense } from '../src/lib/files/recorder';
import { fileText, lengthText, sizeText } from '../src/lib/i18n/files';
import { middle, moved, zoomed } from '../src/ui/files/crop';

describe('words for files', () => {
  it.each([
    [0, '0 byte'],
    [999, '999 byte'],
    [1_000, '1 kB'],
    [3_449_000, '3.4 MB'],
    [100 << 20, '104.9 MB'],
  ])('%d bytes are %j', (bytes, words) => expect(sizeText(bytes)).toBe(words));
  it.each([
    [0, '0:00'],
    [4_200, '0:04'],
    [65_000, '1:05'],
    [300_000, '5:00'],
  ])('%d ms are %j', (ms, words) => expect(lengthText(ms)).toBe(words));
  it('a voice message is known by what was said', () => {
    const file = { kind: 'voice', fileId: 'f', name: 'v', size: 1, type: '' } as const;
    expect(fileText(file)).toBe('Voice message');
    expect(fileText({ ...file, transcript: { state: 2, text: '明天十点', language: 'zh', confidence: 0.9 } })).toBe('Voice message: 明天十点');
  });
});

describe('what is chosen', () => {
  it('goes as a picture if it is one, else as a file, and is told by name if it cannot be sent', async () => {
    vi.stubGlobal('createImageBitmap', (file: File) =>
      file.name.startsWith('no') ? Promise.reject(new Error('no picture')) : Promise.resolve({ width: file.name.startsWith('huge') ? 10_000 : 40, height: 5_000, close: () => undefined }),
    );
    const png = (name: string) => new File(['x'], name, { type: 'image/png' });
    const { fit, unfit } = await choose([png('cat.png'), png('no.png'), png('huge.png'), new File(['x'], 'a.svg', { type: 'image/svg+xml' }), new File([], 'empty.txt')]);
    expect(fit.map(({ name, kind }) => [name, kind])).toEqual([
      ['cat.png', 'image'],
      ['no.png', 'file'],
      ['huge.png', 'file'],
      ['a.svg', 'file'],
    ]);
    expect(fit[0]).toMatchObject({ width: 40, height: 5_000 });
    expect(unfit).toEqual([{ name: 'empty.txt', why: 'empty' }]);
    vi.unstubAllGlobals();
  });
});

describe('drafts', () => {
  const file: OutboxFile = { kind: 'file', name: 'a.txt', size: 1, type: '', blob: new Blob(['x']) };

  it('keep chosen files on the device until they are sent', async () => {
    const storage = new MemoryStorage();
    const drafts = new Drafts('u', storage, () => undefined);
    drafts.attach('c', [file]);
    drafts.set('c', 'look');
    await drafts.flush();
    const later = new Drafts('u', storage, () => undefined);
    await later.load();
    expect(later.files.get('c')).toEqual([file]);
    expect(later.texts.get('c')).toBe('look');
    later.sent('c');
    await later.flush();
    expect(await storage.loadDrafts()).toEqual([]);
  });

  it('stay while there are files and no text', async () => {
    const storage = new MemoryStorage();
    const drafts = new Drafts('u', storage, () => undefined);
    drafts.attach('c', [file]);
    await drafts.flush();
    expect(await storage.loadDrafts()).toHaveLength(1);
    drafts.attach('c', []);
    await drafts.flush();
    expect(await storage.loadDrafts()).toEqual([]);
  });
});

describe('the square of an avatar', () => {
  it('begins in the middle, as large as it can', () => expect(middle(300, 200)).toEqual({ x: 50, y: 0, side: 200 }));
  it('stays in the picture, however it is moved', () => {
    expect(moved(middle(300, 200), 500, -500, 300, 200)).toEqual({ x: 100, y: 0, side: 200 });
  });
  it('gets smaller around its middle', () => expect(zoomed(middle(300, 200), 300, 200, 2)).toEqual({ x: 100, y: 50, side: 100 }));
  it('gets larger without leaving the picture', () => {
    const corner = moved(zoomed(middle(300, 200), 300, 200, 4), 500, 500, 300, 200);
    expect(zoomed(corner, 300, 200, 1)).toEqual({ x: 100, y: 0, side: 200 });
  });
});

describe('levels of a recording', () => {
  it('that is short stay', () => expect(condense([1, 2, 3], 128)).toEqual([1, 2, 3]));
  it('that is long become the loudest of each part', () => expect(condense([1, 9, 2, 3, 8, 4], 3)).toEqual([9, 3, 8]));
});
