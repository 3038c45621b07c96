// SPDX-License-Identifier: Apache-2.0
// The search: what was said is found again, opened where it was said, and gone once it was taken back.
import { expect, test, type Locator } from '@playwright/test';
import { compose, written } from './lib/compose';
import { look } from './lib/look';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';

const SENTENCE = '我家在上海东边。';
const SEARCH = '**/parley.message.v1.MessageService/Search';

let running: Servers;
let alice: Person;
let bob: Person;
let cleo: Person;

test.beforeAll(async ({ browser }) => {
  running = await servers(1);
  const base = running.urls[0]!;
  alice = await Person.create(browser, base, unique('alice'), 'Alice Wren');
  bob = await Person.create(browser, base, unique('bob'), '李小波', { locale: 'zh-CN' });
  cleo = await Person.create(browser, base, unique('cleo'), 'Cleo Marsh');
  for (const person of [alice, bob, cleo]) await person.signUp();
  for (const other of [bob, cleo]) {
    await other.askToBeFriend(alice, '');
    await alice.accept(other);
    await other.open(alice);
    await alice.open(other);
    await alice.say(other === bob ? SENTENCE : '**上海**的地图在 https://example.com/map');
    await other.sees([expect.stringContaining('上海') as unknown as string]);
  }
  await alice.open(bob);
  for (let i = 1; i <= 25; i++) await alice.say(`line ${i}`);
  await expect(bob.bubble('line 25')).toBeVisible();
});

test.afterAll(async () => {
  for (const person of [alice, bob, cleo]) await person?.context.close();
  await running?.close();
});

const field = (person: Person): Locator => person.page.getByRole('search').getByRole('textbox').first();
const hits = (person: Person): Locator => person.page.locator('[data-hit]');
// The index follows within seconds.
const finds = (person: Person, count: number) =>
  expect(async () => {
    await person.page.reload();
    await expect(hits(person)).toHaveCount(count, { timeout: 2_000 });
  }).toPass({ timeout: 20_000 });

test('a word from the middle of a Chinese sentence leads to it and back, and a recall takes it away', async () => {
  let asked = 0;
  bob.page.on('request', (request) => void (request.url().endsWith('MessageService/Search') && asked++));

  await test.step('typed with an input method, it is asked for once', async () => {
    await bob.page.getByRole('link', { name: bob.t('nav.search'), exact: true }).click();
    await expect(field(bob)).toBeFocused();
    await expect(bob.page.getByText(bob.t('search.empty'))).toBeVisible();
    await look(bob.page, 'search-empty');
    await compose(field(bob), written('Chromium', 'shanghai', '上海'));
    await expect(bob.page.getByText('找到 1 条消息')).toBeVisible();
    await expect(hits(bob).locator('mark')).toHaveText('上海');
    await expect(hits(bob)).toContainText(SENTENCE);
    expect(asked).toBe(1);
    await look(bob.page, 'search-found');
  });

  await test.step('Enter opens it in its context', async () => {
    await field(bob).press('ArrowDown');
    await expect(hits(bob)).toBeFocused();
    await bob.page.keyboard.press('Enter');
    await expect(bob.page.locator('.row.found')).toContainText(SENTENCE);
    await expect(bob.page.locator('.row.found')).toBeInViewport();
    await expect(bob.bubble('line 1')).toBeVisible();
    await expect(bob.page.getByRole('link', { name: bob.t('search.toResults') })).toBeVisible();
    await look(bob.page, 'search-opened');
  });

  await test.step('back is where it was, without asking again', async () => {
    await bob.page.goBack();
    await expect(field(bob)).toHaveValue('上海');
    await expect(hits(bob)).toBeFocused();
    expect(asked).toBe(1);
    await bob.page.reload();
    await expect(hits(bob)).toBeFocused();
  });

  await test.step('an edit and a recall show at once, and stay', async () => {
    await alice.bubble(SENTENCE).focus();
    await alice.page.keyboard.press('e');
    await expect(alice.composer).toHaveValue(SENTENCE);
    await alice.composer.fill('我家在上海西边。');
    await alice.composer.press('Enter');
    await expect(hits(bob)).toContainText('我家在上海西边。');
    await expect(hits(bob).locator('mark')).toHaveText('上海');
    await alice.bubble('我家在上海西边。').focus();
    await alice.page.keyboard.press('Delete');
    await alice.page.getByRole('alertdialog').getByRole('button', { name: alice.t('message.recall') }).click();
    await expect(hits(bob)).toHaveCount(0);
    await expect(bob.page.getByRole('heading', { name: bob.t('search.nothing') })).toBeVisible();
    await expect(field(bob)).toBeFocused();
    await finds(bob, 0);
    await expect(bob.page.getByRole('heading', { name: bob.t('search.nothing') })).toBeVisible();
  });
});

test('Ctrl+F searches within the conversation, and Escape comes back', async () => {
  await alice.page.goto(`${alice.base}/search`);
  await field(alice).fill('line');
  await expect(alice.page.getByText('The newest 20 messages; there are more')).toBeVisible();
  await alice.page.getByRole('button', { name: alice.t('search.more') }).click();
  await expect(hits(alice)).toHaveCount(25);
  await alice.open(cleo);
  await alice.page.keyboard.press('Control+f');
  await expect(field(alice)).toBeFocused();
  await expect(alice.page.getByRole('heading', { level: 1, name: alice.t('search.titleIn', { name: cleo.nickname }) })).toBeVisible();
  await field(alice).fill('line');
  await expect(alice.page.getByRole('heading', { name: alice.t('search.nothing') })).toBeVisible();
  await field(alice).fill('上海');
  await expect(hits(alice)).toHaveCount(1);
  await expect(hits(alice)).toContainText('上海的地图在 https://example.com/map');
  await alice.page.keyboard.press('Escape');
  await expect(alice.page.getByRole('heading', { level: 1, name: cleo.nickname })).toBeVisible();
});

test('filters leave out what was not meant, and people are found by name', async () => {
  await alice.page.goto(`${alice.base}/search`);
  await field(alice).fill('cleo');
  await expect(alice.page.getByRole('link', { name: cleo.nickname })).toBeVisible();
  const people = (person: Person) => person.page.getByRole('region', { name: person.t('search.people') });
  await expect(people(alice).locator('mark')).toHaveText('Cleo');
  await bob.page.goto(`${bob.base}/search`);
  await field(bob).fill('arsh');
  await expect(people(bob).getByRole('listitem').filter({ hasText: cleo.nickname }).locator('mark')).toHaveText('arsh');
  await look(bob.page, 'search-people');
  await cleo.page.goto(`${cleo.base}/contacts/find`);
  await cleo.page.getByRole('searchbox').fill('小波');
  await cleo.page.keyboard.press('Enter');
  await expect(cleo.page.getByRole('listitem').filter({ hasText: bob.nickname }).locator('mark').first()).toHaveText('小波');
  await field(alice).fill('line 2');
  await expect(hits(alice).first()).toBeVisible();
  await alice.page.getByRole('button', { name: alice.t('search.filters') }).click();
  await alice.page.getByLabel(alice.t('search.by'), { exact: true }).selectOption({ label: bob.nickname });
  await expect(hits(alice)).toHaveCount(0);
  await look(alice.page, 'search-filters');
  await alice.page.getByLabel(alice.t('search.by'), { exact: true }).selectOption({ label: alice.t('chat.you') });
  await expect(hits(alice).first()).toBeVisible();
  await alice.page.getByLabel(alice.t('search.to')).fill('2020-01-01');
  await expect(hits(alice)).toHaveCount(0);
  await alice.page.getByRole('button', { name: alice.t('search.noFilters') }).first().click();
  await expect(hits(alice).first()).toBeVisible();
  await field(alice).fill('map');
  await alice.page.getByRole('checkbox', { name: alice.t('search.links') }).check();
  await expect(hits(alice)).toHaveCount(1);
  await alice.page.reload();
  await expect(alice.page.getByRole('checkbox', { name: alice.t('search.links') })).toBeChecked();
  await expect(hits(alice)).toHaveCount(1);
});

test('without an index it says so, and the device is looked through instead', async () => {
  // The reason is told as servers tell it: the first field of google.rpc.ErrorInfo.
  const reason = Buffer.from('\n\u0012SEARCH_UNAVAILABLE').toString('base64').replace(/=+$/, '');
  const body = JSON.stringify({ code: 'unavailable', message: 'search is not available now', details: [{ type: 'google.rpc.ErrorInfo', value: reason }] });
  await alice.page.route(SEARCH, (route) => route.fulfill({ status: 503, contentType: 'application/json', body }));
  await alice.open(cleo);
  await alice.page.keyboard.press('Control+f');
  await field(alice).fill('a');
  await expect(alice.page.getByText(alice.t('search.short'))).toBeVisible();
  await field(alice).fill('上海');
  await expect(alice.page.getByRole('heading', { name: alice.t('search.unavailable') })).toBeVisible();
  await look(alice.page, 'search-unavailable');
  await alice.page.getByRole('button', { name: alice.t('search.onDevice') }).click();
  await expect(alice.page.getByRole('textbox', { name: alice.t('find.label') })).toBeFocused();
  await alice.page.goBack();
  await expect(alice.page.getByRole('heading', { name: alice.t('search.unavailable') })).toBeVisible();
  await alice.page.unroute(SEARCH);
  await alice.page.getByRole('button', { name: alice.t('chat.tryAgain') }).click();
  await expect(hits(alice)).toHaveCount(1);
});

for (const width of [1280, 320]) {
  for (const theme of ['light', 'dark'] as const) {
    for (const locale of ['en', 'zh-CN'] as const) {
      test(`the search at ${width} px, ${theme}, ${locale}`, async ({ browser }) => {
        const guest = await Person.create(browser, alice.base, alice.username, alice.nickname, { width, height: width === 320 ? 640 : 800, theme, locale });
        await guest.signIn();
        await guest.page.goto(`${guest.base}/search#q=li`);
        await expect(hits(guest).first()).toBeVisible();
        await guest.page.getByRole('button', { name: guest.t('search.filters') }).click();
        await look(guest.page, 'search');
        expect(guest.complaints).toEqual([]);
        await guest.context.close();
      });
    }
  }
}

test('nothing above broke the policy of the page', () => {
  expect([...alice.complaints, ...bob.complaints, ...cleo.complaints]).toEqual([]);
});
