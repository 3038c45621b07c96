// SPDX-License-Identifier: Apache-2.0
// What people see of a bad network: nothing lost, nothing twice, and few words about it.
import { expect, test } from '@playwright/test';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';
import { plannedMove, Wire } from './lib/wire';

/** How often the network is cut between a send and its answer. */
const CUTS = Number(process.env.PARLEY_E2E_CUTS ?? 20);
/** Longer than the longest wait between two tries to connect. */
const BACKOFF_MS = 31_000;

let running: Servers;
let alice: Person;
let bob: Person;
let wire: Wire;

test.beforeAll(async ({ browser }) => {
  running = await servers(1);
  const base = running.urls[0]!;
  alice = await Person.create(browser, base, unique('alice'), 'Alice Wren');
  bob = await Person.create(browser, base, unique('bob'), 'Bob Finch');
  wire = await new Wire().lay(alice.page);
  await alice.page.clock.install();
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

/** Lets the page try again, until it is connected. */
async function reconnected(): Promise<void> {
  wire.open();
  await expect(async () => {
    await alice.page.clock.fastForward(BACKOFF_MS);
    await expect(alice.page.getByText(alice.t('net.offline'))).toBeHidden({ timeout: 1_000 });
  }).toPass({ timeout: 30_000 });
}

test(`${CUTS} cuts between request and answer lose nothing, double nothing, and keep the order`, async () => {
  test.setTimeout(60_000 + CUTS * 3_000);
  console.log(`cuts between request and answer: ${CUTS}`);
  const texts = Array.from({ length: CUTS }, (_, i) => `Message ${i + 1} of ${CUTS}`);
  // Every other send is cut: each message is sent twice, and the server has it from the first time.
  wire.cutSends(2);
  for (const text of texts) await alice.say(text);
  for (let cut = 1; cut <= CUTS; cut++) {
    await expect.poll(() => wire.cuts, { message: `cut ${cut}`, intervals: [20] }).toBeGreaterThanOrEqual(cut);
    await alice.page.clock.fastForward(BACKOFF_MS);
  }
  wire.cutSends(0);
  await reconnected();
  await expect(alice.page.locator('.tick.sending')).toHaveCount(0);
  expect(wire.cuts).toBe(CUTS);
  await alice.sees(texts);
  await bob.sees(texts);
  await alice.page.reload();
  await alice.sees(texts);
});

test('what was not sent for a day asks first, and is sent once', async () => {
  await wire.close();
  for (const text of ['Send me late', 'Edit me', 'Drop me']) await alice.say(text);
  await alice.page.clock.fastForward('25:00:00');
  await reconnected();
  const asked = (text: string) => alice.page.locator('.row').filter({ hasText: text });
  await expect(asked('Drop me').getByText(alice.t('state.stale'))).toBeVisible();
  await expect(alice.line(bob).getByText(alice.t('list.notSent'))).toBeVisible();
  await asked('Drop me').getByRole('button', { name: alice.t('state.discard') }).click();
  await expect(asked('Drop me')).toHaveCount(0);
  await asked('Edit me').getByRole('button', { name: alice.t('state.edit') }).click();
  await expect(alice.composer).toHaveValue('Edit me');
  await alice.composer.fill('');
  await asked('Send me late').getByRole('button', { name: alice.t('state.retry') }).click();
  await expect(bob.bubble('Send me late')).toHaveCount(1);
  await expect(alice.line(bob).getByText(alice.t('list.notSent'))).toBeHidden();
  expect((await bob.texts()).filter((text) => ['Send me late', 'Edit me', 'Drop me'].includes(text))).toEqual(['Send me late']);
});

test('what is written offline goes out in order, once, also after a reload', async () => {
  await wire.close();
  const texts = ['Written offline, one', 'Written offline, two', 'Written offline, three'];
  for (const text of texts.slice(0, 2)) await alice.say(text);
  await alice.page.reload();
  await expect(alice.bubble(texts[1]!)).toBeVisible();
  await alice.say(texts[2]!);
  await reconnected();
  await expect(bob.bubble(texts[2]!)).toBeVisible();
  expect((await bob.texts()).slice(-3)).toEqual(texts);
  await expect(alice.page.locator('.tick.sending')).toHaveCount(0);
});

test('the banner comes after three seconds, is announced once, and goes', async () => {
  const banner = alice.page.getByText(alice.t('net.offline'));
  // Stands still from now on: only the steps below let time pass.
  await alice.page.clock.pauseAt((await alice.page.evaluate(() => Date.now())) + 5_000);
  await alice.page.evaluate(() => {
    const heard: string[] = [];
    const hear = (records: MutationRecord[]) => {
      for (const { target } of records) {
        const text = (target instanceof Element ? target : target.parentElement)?.closest('[role="status"], [role="alert"], [aria-live]')?.textContent?.trim();
        if (text) heard.push(text);
      }
    };
    new MutationObserver(hear).observe(document.body, { subtree: true, childList: true, characterData: true });
    Object.assign(window, { heard });
  });
  await wire.close();
  await alice.page.clock.runFor(2_900);
  await expect(banner).toBeHidden();
  await alice.page.clock.runFor(200);
  await expect(banner).toBeVisible();
  await alice.page.clock.resume();
  const opened = wire.opened;
  for (let i = 0; i < 3; i++) {
    await expect(async () => {
      await alice.page.clock.fastForward(BACKOFF_MS);
      await expect.poll(() => wire.opened, { intervals: [20], timeout: 1_000 }).toBeGreaterThan(opened + i);
    }).toPass({ timeout: 15_000 });
  }
  expect(await alice.page.evaluate(() => (window as unknown as { heard: string[] }).heard)).toEqual([alice.t('net.offline')]);
  await reconnected();
});

test('a planned move shows nothing at all', async () => {
  await alice.page.evaluate(() => {
    const shown: string[] = [];
    const banners = document.querySelector('.banners')!;
    new MutationObserver(() => banners.textContent!.trim() && shown.push(banners.textContent!)).observe(banners, { subtree: true, childList: true, characterData: true });
    Object.assign(window, { shown });
  });
  const opened = wire.opened;
  wire.tell(plannedMove());
  await expect.poll(() => wire.opened).toBe(opened + 1);
  await bob.say('Said while Alice moves');
  await expect(alice.bubble('Said while Alice moves')).toHaveCount(1);
  await alice.say('And on it goes');
  await expect(bob.bubble('And on it goes')).toHaveCount(1);
  expect(await alice.page.evaluate(() => (window as unknown as { shown: string[] }).shown)).toEqual([]);
  expect(wire.opened).toBe(opened + 1);
});

test('after sleep it is LIVE without a reload, with the right numbers', async ({ browser }) => {
  await alice.visit('/contacts');
  await alice.page.evaluate(() => Object.assign(window, { sameLife: true }));
  wire.silence();
  const other = await Person.create(browser, alice.base, alice.username, alice.nickname);
  await other.signIn();
  await other.open(bob);
  for (const text of ['Read elsewhere', 'Also read elsewhere']) await bob.say(text);
  await expect(bob.bubble('Also read elsewhere').getByText(bob.t('state.read'), { exact: true })).toBeAttached();
  await other.context.close();
  for (const text of ['Unread one', 'Unread two', 'Unread three']) await bob.say(text);
  await expect(bob.bubble('Unread three').getByText(bob.t('state.sent'), { exact: true })).toBeAttached();
  wire.open();
  // The lid was closed for eight hours: the old connection is dead, and nobody said so.
  await alice.page.clock.fastForward('08:00:00');
  await expect(async () => {
    await alice.page.clock.fastForward(11_000);
    await expect(alice.page).toHaveTitle('(3) Parley', { timeout: 1_000 });
  }).toPass({ timeout: 30_000 });
  expect(await alice.page.evaluate(() => 'sameLife' in window)).toBe(true);
  await alice.visit('/');
  await alice.open(bob);
  await expect(alice.page.getByText(alice.t('chat.newLine'), { exact: true })).toBeVisible();
  await expect(alice.bubble('Read elsewhere')).toHaveCount(1);
  await alice.say('Awake again');
  await expect(bob.bubble('Awake again')).toHaveCount(1);
});

test('a new version is offered by a note, and the draft outlives the reload that one chooses', async () => {
  const note = alice.page.getByText(alice.t('net.newer'));
  await alice.composer.fill('a half-finished thought');
  await alice.page.evaluate(() => Object.assign(window, { sameLife: true }));
  await alice.page.route(`${alice.base}/`, async (route) => {
    if (route.request().isNavigationRequest()) return route.continue();
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replace(/\/assets\/index-[\w-]+\.js/, '/assets/index-renewed.js') });
  });
  await wire.close();
  await alice.page.clock.fastForward(60_000);
  await reconnected();
  await expect(note).toBeVisible();
  expect(await alice.page.evaluate(() => 'sameLife' in window)).toBe(true);
  await expect(alice.composer).toHaveValue('a half-finished thought');
  await alice.page.getByRole('button', { name: alice.t('net.later') }).click();
  await expect(note).toBeHidden();
  await wire.close();
  await alice.page.clock.fastForward(60_000);
  await reconnected();
  await expect(note).toBeVisible();
  await alice.page.unroute(`${alice.base}/`);
  await alice.page.getByRole('button', { name: alice.t('app.reload') }).click();
  await expect(note).toBeHidden();
  await expect(alice.composer).toHaveValue('a half-finished thought');
  expect(await alice.page.evaluate(() => 'sameLife' in window)).toBe(false);
  await alice.composer.fill('');
});

test('nothing that was read or written stays on the device after sign-out', async () => {
  await alice.visit('/settings');
  await alice.page.getByRole('button', { name: alice.t('settings.signOut'), exact: true }).click();
  await alice.page.getByRole('alertdialog').getByRole('button', { name: alice.t('settings.signOut'), exact: true }).click();
  await expect(alice.page.getByRole('heading', { name: alice.t('auth.signInTitle') })).toBeVisible();
  const rows = () =>
    alice.page.evaluate(async () => {
      const left: string[] = [];
      for (const { name } of await indexedDB.databases()) {
        const db = await new Promise<IDBDatabase>((done, fail) => {
          const open = indexedDB.open(name!);
          open.onsuccess = () => done(open.result);
          open.onerror = () => fail(open.error);
        });
        for (const store of db.objectStoreNames) {
          const count = await new Promise<number>((done) => {
            const asked = db.transaction(store).objectStore(store).count();
            asked.onsuccess = () => done(asked.result);
          });
          if (count > 0) left.push(`${store}: ${count}`);
        }
        db.close();
      }
      return left;
    });
  await expect.poll(rows).toEqual([]);
});

test('nothing above broke the policy of the page', () => {
  expect([...alice.complaints, ...bob.complaints]).toEqual([]);
});
