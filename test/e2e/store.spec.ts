// SPDX-License-Identifier: Apache-2.0
// Bytes that go between browsers and the object store, past Parley.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, test, type Request } from '@playwright/test';
import { Person, unique } from './lib/person';
import { picture } from './lib/picture';
import { servers, type Servers } from './lib/servers';
import { objectStore, type ObjectStore } from './lib/store';

test.skip(Boolean(process.env.PARLEY_E2E_BASE_URLS), 'needs servers of its own');

let running: Servers;
let store: ObjectStore;
let alice: Person;
let bob: Person;

test.beforeAll(async ({ browser }) => {
  running = await servers(1, async (pages) => {
    store = await objectStore(pages);
    return store.settings;
  });
  const base = running.urls[0]!;
  alice = await Person.create(browser, base, unique('alice'), 'Alice Wren', { worker: 'block' });
  bob = await Person.create(browser, base, unique('bob'), '小波', { locale: 'zh-CN', worker: 'block' });
  await Promise.all([alice.signUp(), bob.signUp()]);
  await alice.askToBeFriend(bob, '');
  await bob.accept(alice);
  await Promise.all([alice.open(bob), bob.open(alice)]);
});

test.afterAll(async () => {
  for (const person of [alice, bob]) await person?.context.close();
  await running?.close();
  await store?.close();
});

test('bytes go to the object store and come from there; where it is out of reach, through Parley', async () => {
  const sent = bytesOf(alice, 'PUT');
  const got = bytesOf(bob, 'GET');
  await exchange('harbour.png', 'A quiet harbour', '报告 отчёт №3.bin');
  // The picture and the file, each as a whole; the smaller picture and the file.
  expect(sent.ways()).toEqual(['store', 'store']);
  expect(got.ways()).toEqual(['store', 'store']);
  for (const request of [...sent.requests, ...got.requests]) {
    const { authorization, cookie, referer } = await request.allHeaders();
    expect([authorization, cookie, referer]).toEqual([undefined, undefined, undefined]);
    expect((await request.response())?.status()).toBe(200);
  }
  for (const person of [alice, bob]) expect(person.complaints).toEqual([]);

  for (const { page } of [alice, bob]) await page.route(`${store.origin}/**`, (route) => route.abort('connectionrefused'));
  sent.requests.length = got.requests.length = 0;
  await exchange('lighthouse.png', 'A lighthouse', 'second.bin');
  // One try of each browser, then no more.
  expect(sent.ways()).toEqual(['store', ...Array<string>(5).fill('Parley')]);
  expect(got.ways()).toEqual(['store', 'Parley', 'Parley']);
});

/** Alice sends a picture and a file, and Bob sees the one and saves the other. */
async function exchange(image: string, alt: string, name: string): Promise<void> {
  const content = Buffer.from(Array.from({ length: 3_500_000 }, (_, i) => (i * 31 + name.length) % 251));
  await attach({ name: image, mimeType: 'image/png', buffer: await picture(alice.page, 640, 360) }, alt);
  const log = bob.page.getByRole('log');
  await expect(log.getByRole('img', { name: alt })).toBeVisible();
  await attach({ name, mimeType: 'application/octet-stream', buffer: content });
  const download = bob.page.waitForEvent('download');
  await log.getByRole('button', { name: bob.t('file.save', { name }) }).click();
  const saved = await download;
  expect(saved.suggestedFilename()).toBe(name);
  const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  expect(hash(await readFile(await saved.path()))).toBe(hash(content));
}

async function attach(file: { name: string; mimeType: string; buffer: Buffer }, alt?: string): Promise<void> {
  const { page } = alice;
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: alice.t('file.attach') }).click();
  await (await chooser).setFiles(file);
  const tray = page.getByRole('list', { name: alice.t('file.chosen') });
  await expect(tray).toBeVisible();
  if (alt) await tray.getByLabel(alice.t('file.altOf', { name: file.name })).fill(alt);
  await page.getByRole('button', { name: alice.t('composer.send') }).click();
  await expect(tray).toBeHidden();
}

/** Collects the requests that carry bytes of files for a browser, and which way they go. */
function bytesOf({ page }: Person, method: string): { requests: Request[]; ways(): string[] } {
  const way = (request: Request) => {
    const { origin, pathname } = new URL(request.url());
    return origin === store.origin ? 'store' : pathname.startsWith('/v1/files/') ? 'Parley' : undefined;
  };
  const requests: Request[] = [];
  page.on('request', (request) => {
    if (request.method() === method && way(request)) requests.push(request);
  });
  return { requests, ways: () => requests.map((one) => way(one)!) };
}
