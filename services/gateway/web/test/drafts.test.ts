// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Drafts } from '../src/lib/state/drafts.svelte';
import { MemoryStorage } from '../src/lib/storage/memory';

const values = new Map<string, string>();
beforeEach(() => {
  values.clear();
  vi.useFakeTimers();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => values.set(key, value),
    removeItem: (key: string) => values.delete(key),
  });
});

describe('drafts', () => {
  it('survive a page that ends with the key press', async () => {
    const storage = new MemoryStorage();
    new Drafts('me', storage, () => undefined).set('c', 'half a sen');
    const next = new Drafts('me', storage, () => undefined);
    await next.load();
    expect(next.texts.get('c')).toBe('half a sen');
    expect(values.size).toBe(0);
  });

  it('keep the message that is answered, with and without a text', async () => {
    const storage = new MemoryStorage();
    const drafts = new Drafts('me', storage, () => undefined);
    drafts.reply('c', 7);
    await drafts.flush();
    const next = new Drafts('me', storage, () => undefined);
    await next.load();
    expect(next.replies.get('c')).toBe(7);
    next.set('c', 'text');
    expect(next.replies.get('c')).toBe(7);
    next.sent('c');
    await next.flush();
    const last = new Drafts('me', storage, () => undefined);
    await last.load();
    expect([last.replies.size, last.texts.size]).toEqual([0, 0]);
  });

  it('do not come back after they were sent', async () => {
    const storage = new MemoryStorage();
    const drafts = new Drafts('me', storage, () => undefined);
    drafts.set('c', 'hello');
    await vi.advanceTimersByTimeAsync(400);
    drafts.set('c', '');
    const next = new Drafts('me', storage, () => undefined);
    await next.load();
    expect(next.texts.has('c')).toBe(false);
    expect(await storage.loadDrafts()).toEqual([]);
  });

  it('are told to the other tabs, a burst of keys once', async () => {
    const told: string[] = [];
    const drafts = new Drafts('me', new MemoryStorage(), (draft) => told.push(draft.text));
    for (const text of ['h', 'he', 'hel']) drafts.set('c', text);
    await vi.advanceTimersByTimeAsync(400);
    expect(told).toEqual(['hel']);
  });

  it('belong to one user', async () => {
    const storage = new MemoryStorage();
    new Drafts('me', storage, () => undefined).set('c', 'mine');
    const other = new Drafts('you', storage, () => undefined);
    await other.load();
    expect(other.texts.size).toBe(0);
  });

  it('are gone after sign-out', () => {
    const drafts = new Drafts('me', new MemoryStorage(), () => undefined);
    drafts.set('c', 'secret');
    drafts.forget();
    expect(values.size).toBe(0);
  });
});
