// SPDX-License-Identifier: Apache-2.0
// Input methods: the Enter that confirms a candidate belongs to them, in every field that does something on Enter.
import { expect, test } from '@playwright/test';
import { compose, HANGUL, RECORDINGS, written, type Engine } from './lib/compose';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';

const ENGINES: Engine[] = ['Chromium', 'Firefox', 'Safari'];
let running: Servers;
let alice: Person;
let bob: Person;

test.beforeAll(async ({ browser }) => {
  running = await servers(1);
  const base = running.urls[0]!;
  alice = await Person.create(browser, base, unique('alice'), 'Alice Wren');
  bob = await Person.create(browser, base, unique('bob'), '你好小波');
  await alice.signUp();
  await bob.signUp();
  await alice.askToBeFriend(bob, '');
  await bob.accept(alice);
  await alice.open(bob);
  await bob.open(alice);
});

test.afterAll(async () => {
  for (const person of [alice, bob]) await person?.context.close();
  await running?.close();
});

test('in the composer it never sends, and the next Enter does', async () => {
  const heard: string[] = [];
  for (const [name, { steps, text }] of Object.entries(RECORDINGS)) {
    await compose(alice.composer, steps);
    await expect(alice.composer, name).toHaveValue(text);
    expect(await alice.texts(), name).toEqual(heard);
    await alice.composer.press('Enter');
    heard.push(text);
    await expect(alice.composer, name).toHaveValue('');
    await expect.poll(() => alice.texts(), { message: name }).toEqual(heard);
  }
  for (const engine of ENGINES) {
    await compose(alice.composer, HANGUL[engine]);
    heard.push('안녕');
    await expect.poll(() => alice.texts(), { message: engine }).toEqual(heard);
    await expect(alice.composer, engine).toHaveValue('');
  }
  await bob.sees(heard);
});

test('in the field of an edit it never saves', async () => {
  await alice.say('before');
  for (const [name, { steps, text }] of Object.entries(RECORDINGS)) {
    await alice.composer.press('ArrowUp');
    await alice.composer.fill('');
    await compose(alice.composer, steps);
    await expect(alice.page.getByText(alice.t('composer.editing')), name).toBeVisible();
    await expect(alice.composer, name).toHaveValue(text);
    await alice.composer.press('Enter');
    await expect(alice.bubble(text).last(), name).toBeVisible();
    await expect(alice.page.getByText(alice.t('composer.editing')), name).toBeHidden();
  }
  for (const engine of ENGINES) {
    await alice.composer.press('ArrowUp');
    await alice.composer.fill('');
    await compose(alice.composer, HANGUL[engine]);
    await expect(alice.page.getByText(alice.t('composer.editing')), engine).toBeHidden();
    await expect(alice.page.locator('[data-key] .text').last(), engine).toHaveText('안녕');
  }
});

test('in the list of people it takes nobody, and the next Enter does', async () => {
  const people = alice.page.getByRole('listbox', { name: alice.t('composer.mention') });
  for (const engine of ENGINES) {
    await alice.composer.fill('@');
    await expect(people).toBeVisible();
    await compose(alice.composer, written(engine, 'nihao', '你好'));
    await expect(people.getByRole('option'), engine).toHaveCount(1);
    await expect(alice.composer, engine).toHaveValue('@你好');
    await alice.composer.press('Enter');
    await expect(people, engine).toBeHidden();
    await expect(alice.composer, engine).toHaveValue('@你好小波 ');
    await alice.composer.fill('');
  }
});

test('in the jump box it opens nothing, and the next Enter does', async () => {
  const box = alice.page.getByRole('combobox', { name: alice.t('jump.label') });
  for (const engine of ENGINES) {
    await alice.visit('/settings');
    await alice.page.keyboard.press('Control+k');
    await expect(box).toBeFocused();
    await compose(box, written(engine, 'nihao', '你好'));
    await expect(box, engine).toHaveValue('你好');
    await expect(alice.page.getByRole('dialog').getByRole('option'), engine).toHaveCount(1);
    await box.press('Enter');
    await expect(alice.page.getByRole('heading', { level: 1, name: bob.nickname }), engine).toBeVisible();
  }
});

test('in the search it asks for what was confirmed, never for letters on the way', async () => {
  const asked: string[] = [];
  alice.page.on('request', (request) => void (request.url().endsWith('MessageService/Search') && asked.push(request.postDataBuffer()?.toString() ?? '')));
  await alice.open(bob);
  await alice.page.keyboard.press('Control+f');
  const field = alice.page.getByRole('search').getByRole('textbox');
  await expect(field).toBeFocused();
  for (const engine of ENGINES) {
    await field.fill('');
    await compose(field, written(engine, 'xiexie', '謝謝'));
    await expect(alice.page.locator('[data-hit]').first().locator('mark'), engine).toHaveText('謝謝');
  }
  expect(asked).toHaveLength(ENGINES.length);
  for (const body of asked) expect(body).toContain('謝謝');
  await field.press('Escape');
  await expect(alice.composer).toBeVisible();
});

test('nothing above broke the policy of the page', () => {
  expect([...alice.complaints, ...bob.complaints]).toEqual([]);
});
