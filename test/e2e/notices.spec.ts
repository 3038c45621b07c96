// SPDX-License-Identifier: Apache-2.0
// Notifications, tabs, the policy of the page and its budget.
import { gzipSync } from 'node:zlib';
import { expect, test, type Page, type Response } from '@playwright/test';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';

let running: Servers;
let alice: Person;
let bob: Person;

test.beforeAll(async ({ browser }) => {
  running = await servers(1);
  const base = running.urls[0]!;
  alice = await Person.create(browser, base, unique('alice'), 'Alice Wren');
  bob = await Person.create(browser, base, unique('bob'), 'Bob Finch');
  await alice.signUp();
  await bob.signUp();
  await alice.askToBeFriend(bob, '');
  await bob.accept(alice);
});

test.afterAll(async () => {
  for (const person of [alice, bob]) await person?.context.close();
  await running?.close();
});

/** What the system shows now, of all tabs of a person. */
async function shown(page: Page): Promise<{ title: string; body: string }[]> {
  return page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    return (await registration.getNotifications()).map(({ title, body }) => ({ title, body }));
  });
}

test('a message is told once per device, by nobody who sees it, and not on the sender’s', async ({ browser }) => {
  const { page } = bob;
  // Nobody is asked on load: the permission is asked for by the button only.
  await page.addInitScript(() => {
    const asked: string[] = [];
    const real = Notification.requestPermission.bind(Notification);
    Notification.requestPermission = () => {
      asked.push(navigator.userActivation.isActive ? 'after a click' : 'out of the blue');
      return real();
    };
    Object.assign(window, { asked });
  });
  await bob.context.grantPermissions(['notifications']);
  await page.goto(`${bob.base}/settings`);
  await expect(page.getByText(bob.t('notify.off'))).toBeVisible();
  expect(await page.evaluate(() => (window as unknown as { asked: string[] }).asked)).toEqual([]);
  await page.getByRole('button', { name: bob.t('notify.turnOn') }).click();
  await expect(page.getByText(bob.t('notify.on'))).toBeVisible();
  expect(await page.evaluate(() => (window as unknown as { asked: string[] }).asked)).toEqual(['after a click']);
  // Three tabs that show something else: one notification for each message.
  const tabs = [page, await bob.context.newPage(), await bob.context.newPage()];
  for (const tab of tabs.slice(1)) await tab.goto(`${bob.base}/contacts`);
  for (const tab of tabs) await expect(tab.getByRole('link', { name: /Chats/ })).toBeVisible();
  await alice.open(bob);
  await alice.say('**First** of two');
  await alice.say('Second of two');
  const told = [
    { title: 'Alice Wren', body: 'First of two' },
    { title: 'Alice Wren', body: 'Second of two' },
  ];
  await expect.poll(async () => (await shown(page)).sort((a, b) => a.body.localeCompare(b.body))).toEqual(told);
  // Title, mark of the section and list say the same number.
  for (const tab of tabs) await expect(tab).toHaveTitle('(2) Parley');
  await expect(page.getByRole('link', { name: /2 unread messages$/ })).toBeVisible();
  // Read on another device: what was told goes.
  const phone = await Person.create(browser, bob.base, bob.username, bob.nickname, { width: 375, height: 720 });
  await phone.signIn();
  await phone.open(alice);
  await expect.poll(() => shown(page)).toEqual([]);
  await phone.context.close();
  // What is on screen is told by no tab.
  await tabs[1]!.bringToFront();
  await tabs[1]!.goto(`${bob.base}/`);
  await tabs[1]!.locator('[data-conversation]').click();
  await alice.say('You are looking at this');
  await expect(tabs[1]!.locator('.text').getByText('You are looking at this')).toBeVisible();
  await expect(tabs[1]!).toHaveTitle('Parley');
  await tabs[1]!.goto(`${bob.base}/contacts`);
  await alice.say('And not at this');
  await expect.poll(() => shown(page)).toEqual([{ title: 'Alice Wren', body: 'And not at this' }]);
  // A click leads to the message.
  await tabs[2]!.close();
  await tabs[1]!.close();
  const worker = bob.context.serviceWorkers()[0]!;
  await worker.evaluate(async () => {
    const scope = self as unknown as { registration: ServiceWorkerRegistration };
    const [notification] = await scope.registration.getNotifications();
    const event = new Event('notificationclick') as Event & { notification?: Notification; waitUntil?: (work: Promise<unknown>) => void };
    event.notification = notification;
    event.waitUntil = (work) => void work.catch(() => undefined);
    self.dispatchEvent(event);
  });
  await expect(bob.bubble('And not at this')).toBeFocused();
  await expect(page).toHaveTitle('Parley');
  expect(await shown(page)).toEqual([]);
  // The sender's devices are told nothing.
  expect(await alice.page.evaluate(() => Notification.permission)).not.toBe('granted');
  await bob.visit('/settings');
  await page.getByRole('button', { name: bob.t('notify.turnOff') }).click();
  await bob.visit('/contacts');
  await alice.say('Told to nobody');
  await expect(page).toHaveTitle('(1) Parley');
  expect(await shown(page)).toEqual([]);
});

test('five tabs hear everything once, and share what is read, drafts and sign-out', async () => {
  await alice.open(bob);
  const tabs: Page[] = [bob.page];
  const opened: number[] = [0];
  await bob.open(alice);
  for (let i = 1; i < 5; i++) {
    const tab = await bob.context.newPage();
    opened.push(0);
    tab.on('websocket', () => opened[i]!++);
    await tab.goto(bob.page.url());
    tabs.push(tab);
  }
  for (const tab of tabs) await expect(tab.locator('textarea')).toBeVisible();
  for (let i = 0; i < 3; i++) await alice.say(`To five tabs, ${i}`);
  for (const tab of tabs) await expect(tab.locator('.text').getByText(/^To five tabs/)).toHaveText(['To five tabs, 0', 'To five tabs, 1', 'To five tabs, 2']);
  for (const tab of tabs) await expect(tab).toHaveTitle('Parley');
  await tabs[3]!.locator('textarea').fill('typed in the fourth');
  for (const tab of tabs) await expect(tab.locator('textarea')).toHaveValue('typed in the fourth');
  await tabs[3]!.locator('textarea').press('Enter');
  for (const tab of tabs) await expect(tab.locator('.text').getByText('typed in the fourth')).toHaveCount(1);
  for (const tab of tabs) await expect(tab.locator('textarea')).toHaveValue('');
  await expect(alice.bubble('typed in the fourth')).toHaveCount(1);
  // One connection each: none was pushed out by another.
  expect(opened.slice(1)).toEqual([1, 1, 1, 1]);
  await tabs[4]!.goto(`${bob.base}/settings`);
  await tabs[4]!.getByRole('button', { name: 'Sign out', exact: true }).click();
  await tabs[4]!.getByRole('alertdialog').getByRole('button', { name: 'Sign out', exact: true }).click();
  for (const tab of tabs) await expect(tab.getByRole('heading', { name: 'Welcome back' })).toBeVisible();
  for (const tab of tabs.slice(1)) await tab.close();
  await bob.signIn();
});

test('a conversation costs at most two requests, and the place in it is kept', async ({ browser }) => {
  await alice.open(bob);
  for (let i = 0; i < 40; i++) await alice.say(`Line ${i}`);
  const device = await Person.create(browser, bob.base, bob.username, bob.nickname, { width: 900, height: 500 });
  let asked: string[] = [];
  device.page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await device.signIn();
  await expect(device.line(alice).locator('.badge')).toBeVisible();
  // What the start asks for is over with the last of its lists.
  await expect.poll(() => asked.some((one) => one.endsWith('/ListBlocked'))).toBe(true);
  asked = [];
  await device.open(alice);
  await expect(device.page.locator('[data-seq]').first()).toBeVisible();
  await expect(device.page.getByText(device.t('chat.newLine'), { exact: true })).toBeInViewport();
  expect(asked.filter((one) => one.startsWith('/parley.')).length, asked.join(', ')).toBeLessThanOrEqual(2);
  // Leaving and returning comes back to the same line, within a pixel.
  const log = device.page.getByRole('log');
  await log.evaluate((scroller) => (scroller.scrollTop -= 333));
  const place = () =>
    log.evaluate((scroller) => {
      const top = scroller.getBoundingClientRect().top;
      const line = [...scroller.querySelectorAll<HTMLElement>('[data-seq]')].find((one) => one.getBoundingClientRect().bottom > top)!;
      return { key: line.dataset.key, y: line.getBoundingClientRect().top };
    });
  await expect.poll(async () => (await place()).key).toBeTruthy();
  const before = await place();
  await device.visit('/settings');
  await device.visit('/');
  await device.open(alice);
  await expect.poll(async () => (await place()).key).toBe(before.key);
  expect(Math.abs((await place()).y - before.y)).toBeLessThanOrEqual(1);
  await device.context.close();
});

test('the first screen is small, comes from one origin, and nothing in it is inline', async ({ browser }) => {
  const guest = await Person.create(browser, bob.base, bob.username, bob.nickname);
  const bodies: Promise<Buffer>[] = [];
  const origins = new Set<string>();
  let policy = '';
  guest.page.on('request', (request) => origins.add(new URL(request.url()).origin));
  const loaded = (response: Response) => {
    if (response.request().resourceType() === 'script') bodies.push(response.body());
    if (response.request().isNavigationRequest()) policy = response.headers()['content-security-policy'] ?? '';
  };
  guest.page.on('response', loaded);
  await guest.signIn();
  await expect(guest.line(alice)).toBeVisible();
  guest.page.off('response', loaded);
  const bytes = (await Promise.all(bodies)).reduce((sum, body) => sum + gzipSync(body).length, 0);
  console.log(`script of the first screen, compressed: ${bytes} bytes`);
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThanOrEqual(150 * 1024);
  await guest.open(alice);
  await guest.visit('/settings');
  expect([...origins]).toEqual([new URL(bob.base).origin]);
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toContain('unsafe');
  expect(guest.complaints).toEqual([]);
  await guest.context.close();
});

test('nothing above broke the policy of the page', () => {
  expect([...alice.complaints, ...bob.complaints]).toEqual([]);
});
