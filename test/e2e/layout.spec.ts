// SPDX-License-Identifier: Apache-2.0
// Screens under strain: texts that are 40 % longer, and letters of twice the size.
import { expect, test, type Page } from '@playwright/test';
import { speakLonger } from './lib/longer';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';

let running: Servers;
let alice: Person;
let bob: Person;

test.beforeAll(async ({ browser }) => {
  running = await servers(1);
  const base = running.urls[0]!;
  alice = await Person.create(browser, base, unique('alice'), 'Alice Wren');
  bob = await Person.create(browser, base, unique('bob'), 'Maximiliane von Hohenstein-Witt');
  await alice.signUp();
  await bob.signUp();
  await alice.askToBeFriend(bob, '');
  await bob.accept(alice);
  await alice.open(bob);
  await alice.say('Good morning!');
  await alice.say('A_word_without_any_place_to_break_it_'.repeat(4));
});

test.afterAll(async () => {
  for (const person of [alice, bob]) await person?.context.close();
  await running?.close();
});

/** Fails if the page scrolls sideways, or if a text or a control is cut off without a sign of it. */
async function fits(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: test.info().outputPath(`${name}.png`) });
  const broken = await page.evaluate(() => {
    const found: string[] = [];
    if (document.documentElement.scrollWidth > innerWidth) found.push('the page scrolls sideways');
    for (const one of document.querySelectorAll('[role="dialog"], [role="alertdialog"]')) {
      const { top, bottom } = one.getBoundingClientRect();
      if (top < 0 || bottom > innerHeight) found.push('the dialog is higher than the window');
    }
    for (const one of document.querySelectorAll<HTMLElement>('h1, h2, h3, p, a, button, label, legend, input, select, textarea')) {
      if (!one.checkVisibility() || one.closest('.hidden, .skip, [aria-hidden="true"]')) continue;
      const { left, right } = one.getBoundingClientRect();
      const said = `${one.tagName} ${(one.textContent ?? '').trim().slice(0, 40)}`;
      if (left < -1 || right > innerWidth + 1) found.push(`${said}: outside the window`);
      const signed = [one, ...one.querySelectorAll('*')].some((part) => getComputedStyle(part).textOverflow === 'ellipsis');
      if (!signed && one.matches('h1, h2, h3, p, button, label, legend') && one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline') {
        found.push(`${said}: wider than its place`);
      }
    }
    return found;
  });
  expect(broken, name).toEqual([]);
}

/** Goes through the screens and looks at each. */
async function every(person: Person, name: string): Promise<void> {
  const { page, base } = person;
  await page.goto(`${base}/`);
  await expect(page.locator('[data-conversation]')).toBeVisible();
  await fits(page, `${name}-list`);
  await page.locator('[data-conversation]').click();
  await expect(page.locator('textarea')).toBeVisible();
  await expect(page.locator('[data-seq]').first()).toBeVisible();
  await fits(page, `${name}-conversation`);
  await page.locator('header .details').click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await fits(page, `${name}-details`);
  await page.keyboard.press('Escape');
  for (const path of ['/contacts', '/contacts/requests', '/contacts/find', '/settings']) {
    await page.goto(base + path);
    await expect(page.locator('h1')).toBeVisible();
    await expect(page.locator('main h1, main h2, main p').filter({ visible: true }).last()).toBeVisible();
    await fits(page, `${name}${path.replaceAll('/', '-')}`);
    if (path !== '/contacts') continue;
    await page.locator('.danger').first().click();
    await expect(page.getByRole('alertdialog')).toBeVisible();
    await fits(page, `${name}-question`);
  }
}

for (const width of [1280, 320]) {
  test(`texts that are 40 % longer break nothing at ${width} px`, async ({ browser }) => {
    const guest = await Person.create(browser, running.urls[0]!, alice.username, alice.nickname, { width, height: 720, worker: 'block' });
    await guest.signIn();
    // No worker: it would give the files as they are.
    const texts = await speakLonger(guest.context);
    await every(guest, `longer-${width}`);
    expect(texts()).toBeGreaterThan(200);
    await guest.context.close();
  });
}

for (const width of [1280, 640]) {
  test(`letters of twice the size lose nothing at ${width} px`, async ({ browser }) => {
    const guest = await Person.create(browser, running.urls[0]!, alice.username, alice.nickname, { width, height: 720 });
    await guest.page.addInitScript(() => {
      addEventListener('DOMContentLoaded', () => (document.documentElement.style.fontSize = '200%'));
    });
    await guest.signIn();
    await every(guest, `twice-${width}`);
    await guest.context.close();
  });
}
