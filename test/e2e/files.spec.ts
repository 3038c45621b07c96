// SPDX-License-Identifier: Apache-2.0
// Pictures, files and voice messages, from one person to another.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { look } from './lib/look';
import { Person, unique } from './lib/person';
import { picture } from './lib/picture';
import { servers, type Servers } from './lib/servers';
import config from './playwright.config';

const SPOKEN = 'hello world how are you today';
/** What the microphone of the browser hears, over and over. */
const VOICE = join(tmpdir(), 'parley-e2e-spoken.wav');
if (!existsSync(VOICE)) execFileSync('flite', ['-voice', 'slt', '-t', SPOKEN, '-o', VOICE]);

const { launchOptions } = config.use!;
test.use({
  launchOptions: {
    ...launchOptions,
    args: [...launchOptions!.args!, '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${VOICE}`],
  },
});

let running: Servers;
let alice: Person;
let bob: Person;

test.beforeAll(async ({ browser }) => {
  running = await servers(1);
  const base = running.urls[0]!;
  // Parts of uploads are cut off below: they must not go through the worker.
  alice = await Person.create(browser, base, unique('alice'), 'Alice Wren', { worker: 'block' });
  bob = await Person.create(browser, base, unique('bob'), '小波', { locale: 'zh-CN', theme: 'dark' });
  for (const person of [alice, bob]) await person.signUp();
  await alice.askToBeFriend(bob, '');
  await bob.accept(alice);
  await bob.page.goto(`${base}/`);
  await bob.open(alice);
});

test.afterAll(async () => {
  for (const person of [alice, bob]) await person?.context.close();
  await running?.close();
});

test('a picture becomes the face of a person, as far as it was cut out', async () => {
  const { page } = alice;
  await alice.visit('/settings');
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: alice.t('avatar.choose') }).click();
  await (await chooser).setFiles({ name: 'face.png', mimeType: 'image/png', buffer: await picture(page, 400, 300) });
  const dialog = page.getByRole('dialog', { name: alice.t('avatar.crop') });
  await dialog.getByRole('slider', { name: alice.t('avatar.zoom') }).fill('2');
  await dialog.getByLabel(alice.t('avatar.part')).press('ArrowLeft');
  await look(page, 'crop');
  await dialog.getByRole('button', { name: alice.t('avatar.save') }).click();
  await expect(dialog).toBeHidden();
  await expect(page.locator('.change img')).toBeVisible();
  // Friends see it without asking.
  await expect(bob.line(alice).locator('img')).toBeVisible();
});

test('a picture that is pasted is seen before it is sent, described, opened large, and gone after recall', async () => {
  const { page } = alice;
  await alice.visit('/');
  await alice.open(bob);
  const bytes = [...(await picture(page, 640, 360))];
  await alice.composer.evaluate((field, all) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(all)], 'harbour.png', { type: 'image/png' }));
    field.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: data }));
  }, bytes);
  const tray = page.getByRole('list', { name: alice.t('file.chosen') });
  await tray.getByLabel(alice.t('file.altOf', { name: 'harbour.png' })).fill('A quiet harbour');
  await look(page, 'tray');
  await alice.composer.press('Enter');
  await expect(tray).toBeHidden();
  const shown = bob.page.getByRole('log').getByRole('img', { name: 'A quiet harbour' });
  await expect(shown).toBeVisible();
  await expect(bob.line(alice)).toContainText(bob.t('file.imageOf', { alt: 'A quiet harbour' }));
  await bob.page.getByRole('button', { name: bob.t('file.enlarge', { name: 'A quiet harbour' }) }).click();
  const large = bob.page.getByRole('dialog');
  await expect(large.getByRole('img', { name: 'A quiet harbour' })).toBeVisible();
  await look(bob.page, 'large');
  await bob.page.keyboard.press('Escape');
  await expect(large).toBeHidden();
  await page.getByRole('log').locator('.row').last().focus();
  await page.keyboard.press('Delete');
  await page.getByRole('alertdialog').getByRole('button', { name: alice.t('message.recall') }).click();
  await expect(shown).toBeHidden();
});

test('a file goes on where the connection was cut, and arrives whole under its name', async () => {
  const { page } = alice;
  const name = '报告 отчёт №3.bin';
  const content = Buffer.from(Array.from({ length: 3_500_000 }, (_, i) => (i * 31) % 251));
  const offsets: string[] = [];
  let cuts = 1;
  await page.route('**/v1/files/*', async (route) => {
    const request = route.request();
    if (request.method() !== 'PUT') return route.continue();
    const offset = request.headers()['upload-offset'] ?? '';
    offsets.push(offset);
    if (offset === '2097152' && cuts-- > 0) return route.abort('connectionreset');
    return route.continue();
  });
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: alice.t('file.attach') }).click();
  await (await chooser).setFiles({ name, mimeType: 'application/octet-stream', buffer: content });
  await expect(page.getByRole('list', { name: alice.t('file.chosen') })).toContainText(name);
  await page.getByRole('button', { name: alice.t('composer.send') }).click();
  const log = bob.page.getByRole('log');
  await expect(log.getByText(name)).toBeVisible();
  expect(offsets).toEqual(['0', '1048576', '2097152', '2097152', '3145728']);
  const download = bob.page.waitForEvent('download');
  await log.getByRole('button', { name: bob.t('file.save', { name }) }).click();
  const saved = await download;
  expect(saved.suggestedFilename()).toBe(name);
  const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  expect(hash(await readFile(await saved.path()))).toBe(hash(content));
  await page.unroute('**/v1/files/*');
});

test('what is spoken is heard, read and found', async () => {
  const { page } = alice;
  await page.getByRole('button', { name: alice.t('voice.record') }).click();
  await expect(page.getByRole('timer')).toHaveText('0:04');
  await look(page, 'recording');
  await page.getByRole('button', { name: alice.t('voice.send') }).click();
  const log = bob.page.getByRole('log');
  const play = log.getByRole('button', { name: /播放语音消息/ });
  await expect(play).toBeVisible();
  await play.click();
  await expect(log.getByRole('button', { name: bob.t('voice.pause') })).toBeVisible();
  await expect(play).toBeVisible({ timeout: 30_000 });
  for (const person of [alice, bob]) await expect(person.page.getByRole('log').locator('.transcript')).toContainText('hello world', { timeout: 60_000 });
  await look(bob.page, 'voice');
  // Beside the list there is less room for a conversation than on a phone: nothing stands out of its bubble.
  await bob.page.setViewportSize({ width: 730, height: 800 });
  const standsOut = await log.evaluate((all) => {
    const files = [...all.querySelectorAll('.attached, .attached *')];
    return files.filter((one) => one.getBoundingClientRect().right > one.closest('.bubble')!.getBoundingClientRect().right).map((one) => one.className);
  });
  expect(standsOut).toEqual([]);
  await bob.page.goto(`${bob.base}/search#q=hello`);
  await expect(bob.page.locator('[data-result]').filter({ hasText: bob.t('search.inTranscript') })).toBeVisible({ timeout: 30_000 });
  await bob.page.locator('[data-result]').first().click();
  await expect(log.locator('.transcript')).toContainText('hello world');
});

test('nothing above broke the policy of the page', () => {
  for (const person of [alice, bob]) expect(person.complaints).toEqual([]);
});
