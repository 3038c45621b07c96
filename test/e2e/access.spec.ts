// SPDX-License-Identifier: Apache-2.0
// What people meet who hear the screen, who see other colours, who want no motion, or whose fingers are large.
import { expect, test, type Page } from '@playwright/test';
import { Account } from './lib/api';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';

const LEAST_PX = 24;

let running: Servers;
let alice: Person;
let bob: Account;
let direct: string;

test.beforeAll(async ({ browser }) => {
  running = await servers(1);
  const base = running.urls[0]!;
  alice = await Person.create(browser, base, unique('alice'), 'Alice Wren');
  const account = await Account.register(base, alice.username, alice.nickname, alice.password);
  bob = await Account.register(base, unique('bob'), 'Bob Finch', alice.password);
  direct = await account.befriend(bob);
  for (let i = 0; i < 3; i++) await bob.say(direct, `Before, ${i}`);
  await alice.signIn();
});

test.afterAll(async () => {
  await alice?.context.close();
  await running?.close();
});

/** Notes everything that the region for announcements says from now on. */
async function listen(page: Page): Promise<() => Promise<string[]>> {
  await expect(page.locator('[aria-live="polite"][aria-atomic="true"]')).toBeAttached();
  await page.evaluate(() => {
    const heard: string[] = [];
    const region = document.querySelector('[aria-live="polite"][aria-atomic="true"]')!;
    const hear = () => {
      const text = region.textContent!.trim();
      if (text) heard.push(text);
    };
    new MutationObserver(hear).observe(region, { subtree: true, childList: true, characterData: true });
    Object.assign(window, { heard });
  });
  return () => page.evaluate(() => (window as unknown as { heard: string[] }).heard);
}

test('a new message is announced once, by sender and text; own ones and edits are not', async ({ browser }) => {
  const { page } = alice;
  await page.goto(`${alice.base}/c/${direct}`);
  await expect(alice.bubble('Before, 2')).toBeVisible();
  await expect(page.getByRole('log')).toHaveAttribute('aria-live', 'off');
  const heard = await listen(page);
  await bob.say(direct, 'Hello **there**');
  await expect(alice.bubble('Hello there')).toBeVisible();
  await expect.poll(heard).toEqual(['Bob Finch: Hello there']);
  await alice.say('Mine');
  await expect(alice.bubble('Mine').getByText(alice.t('state.sent'), { exact: true })).toBeAttached();
  const device = await Person.create(browser, alice.base, alice.username, alice.nickname);
  await device.signIn();
  await device.page.goto(`${alice.base}/c/${direct}`);
  await device.say('Mine, from elsewhere');
  await expect(alice.bubble('Mine, from elsewhere')).toBeVisible();
  await device.composer.press('ArrowUp');
  await device.composer.fill('Mine, changed');
  await device.composer.press('Enter');
  await expect(alice.bubble('Mine, changed')).toBeVisible();
  await device.context.close();
  await bob.say(direct, 'And again');
  await expect.poll(heard).toEqual(['Bob Finch: Hello there', 'Bob Finch: And again']);
});

/** Goes through a page with Tab; answers what is focused without a sign of it, and how many stops there were. */
async function unmarked(page: Page): Promise<{ stops: number; bare: string[] }> {
  const bare: string[] = [];
  let stops = 0;
  await page.locator('body').click({ position: { x: 2, y: 2 } });
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const met = await page.evaluate(() => {
      const at = document.activeElement!;
      if (at === document.body || at.hasAttribute('data-met')) return undefined;
      at.setAttribute('data-met', '');
      const ring = (one: Element | null | undefined) => {
        if (!one) return false;
        const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(one);
        return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && !/^rgba\(.*, 0\)$|transparent/.test(outlineColor);
      };
      // A field in a frame of its own is marked by the frame.
      const marked = ring(at) || ring(at.parentElement) || ring(at.closest('.box, label'));
      return { marked, name: `${at.tagName} ${at.getAttribute('aria-label') ?? at.textContent!.trim().slice(0, 30)}` };
    });
    if (!met) break;
    stops++;
    if (!met.marked) bare.push(met.name);
  }
  await page.evaluate(() => document.querySelectorAll('[data-met]').forEach((one) => one.removeAttribute('data-met')));
  return { stops, bare };
}

for (const [name, media] of Object.entries({
  'forced colours': { forcedColors: 'active', reducedMotion: 'no-preference' },
  'reduced motion': { forcedColors: 'none', reducedMotion: 'reduce' },
} as const)) {
  test(`${name}: the focus is always seen`, async () => {
    const { page } = alice;
    await page.emulateMedia(media);
    for (const path of [`/c/${direct}`, '/settings', '/contacts']) {
      await page.goto(alice.base + path);
      await expect(page.locator('h1').last()).toBeVisible();
      await expect(page.getByRole('button').first()).toBeVisible();
      const { stops, bare } = await unmarked(page);
      expect(bare, path).toEqual([]);
      expect(stops, path).toBeGreaterThan(4);
    }
    if (media.reducedMotion === 'reduce') {
      const moving = await page.evaluate(() => document.getAnimations().filter((one) => one.playState === 'running').length);
      expect(moving).toBe(0);
    }
  });
}

test('everything that is pressed is at least 24 pixels wide and high', async () => {
  const { page } = alice;
  await page.emulateMedia({ forcedColors: 'none', reducedMotion: 'reduce' });
  const small = async (where: string) => {
    const found = await page.evaluate((least) => {
      const all = [...document.querySelectorAll<HTMLElement>('button, summary, select, textarea, input, a, [role="option"], [role="switch"]')];
      return all.flatMap((one) => {
        // Links in a sentence are as high as its letters.
        if (!one.checkVisibility() || one.closest('.hidden, .skip') || (one.tagName === 'A' && getComputedStyle(one).display === 'inline')) return [];
        const pressed = one.matches('[type="checkbox"], [type="radio"]') ? (one.closest('label') ?? one) : one;
        const { width, height } = pressed.getBoundingClientRect();
        if (width >= least - 0.5 && height >= least - 0.5) return [];
        return [`${one.tagName} ${one.getAttribute('aria-label') ?? one.textContent!.trim().slice(0, 30)}: ${width}×${height}`];
      });
    }, LEAST_PX);
    expect(found, where).toEqual([]);
  };
  for (const width of [1280, 320]) {
    await page.setViewportSize({ width, height: 720 });
    for (const path of ['/', `/c/${direct}`, '/contacts', '/contacts/requests', '/contacts/find', '/settings']) {
      await page.goto(alice.base + path);
      await expect(page.locator('h1:visible').first()).toBeVisible();
      if (path === '/settings') await expect(page.getByText(alice.t('settings.thisDevice'), { exact: true })).toBeVisible();
      if (path === `/c/${direct}`) {
        await expect(alice.bubble('Before, 2')).toBeVisible();
        await page.getByRole('button', { name: alice.t('details.of', { name: bob.nickname }) }).click();
        await expect(page.getByRole('dialog')).toBeVisible();
        await small(`details, ${width}`);
        await page.keyboard.press('Escape');
        await page.keyboard.press('Control+k');
        await expect(page.getByRole('option').first()).toBeVisible();
        await small(`jump, ${width}`);
        await page.keyboard.press('Escape');
        await expect(page.getByRole('dialog')).toBeHidden();
      }
      await small(`${path}, ${width}`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
});

test('opening a conversation on a phone does not raise the keyboard', async ({ browser }) => {
  const phone = await Person.create(browser, alice.base, alice.username, alice.nickname, { width: 375, height: 720 });
  await phone.signIn();
  const { page } = phone;
  await page.evaluate(() => {
    const written: string[] = [];
    addEventListener('focusin', ({ target }) => {
      if ((target as Element).matches('textarea, input, [contenteditable]')) written.push((target as Element).tagName);
    });
    Object.assign(window, { written });
  });
  const written = () => page.evaluate(() => (window as unknown as { written: string[] }).written);
  const line = page.locator('[data-conversation]');
  for (let i = 0; i < 2; i++) {
    await line.click();
    await expect(phone.composer).toBeVisible();
    await expect(phone.bubble('Before, 2')).toBeVisible();
    await expect(phone.composer).not.toBeFocused();
    await page.getByRole('button', { name: phone.t('nav.back') }).click();
    await expect(line).toBeVisible();
  }
  expect(await written()).toEqual([]);
  await line.click();
  await phone.composer.click();
  expect(await written()).toEqual(['TEXTAREA']);
  await phone.context.close();
});

test('nothing above broke the policy of the page', () => expect(alice.complaints).toEqual([]));
