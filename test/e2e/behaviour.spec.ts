// SPDX-License-Identifier: Apache-2.0
import { expect, test } from '@playwright/test';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';

let running: Servers;
let alice: Person;
let bob: Person;

test.beforeAll(async ({ browser }) => {
  // One person makes more messages than one may at once.
  running = await servers(1, async () => ({ PARLEY_GATEWAY_SENDS_BURST: '400' }));
  const base = running.urls[0]!;
  alice = await Person.create(browser, base, unique('alice'), 'Alice Wren');
  bob = await Person.create(browser, base, unique('bob'), 'Bob Finch', { width: 900, height: 600 });
  await alice.signUp();
  await bob.signUp();
  await alice.askToBeFriend(bob, '');
  await bob.accept(alice);
});

test.afterAll(async () => {
  for (const person of [alice, bob]) await person?.context.close();
  await running?.close();
});

test('typing is shown at once and is gone with the message', async () => {
  await alice.open(bob);
  await bob.open(alice);
  // The server lets typing through at a rate of its own; whoever goes on typing is seen.
  const typing = bob.page.locator('.typing.on');
  await alice.composer.press('I');
  await expect(async () => {
    await alice.composer.press('x');
    await expect(typing).toHaveText('Alice Wren is typing…', { timeout: 500 });
  }).toPass({ timeout: 12_000 });
  await alice.composer.fill('I am ty');
  await alice.composer.press('Enter');
  await expect(bob.bubble('I am ty')).toBeVisible();
  await expect(bob.page.locator('.typing.on')).toHaveCount(0);
});

test('markup that people write is shown as they wrote it', async () => {
  await alice.open(bob);
  await bob.open(alice);
  const corpus = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '<svg/onload=alert(1)>', 'javascript:alert(1)', '{{7*7}} ${7*7}', '<a href="javascript:alert(1)">x</a>', '\u202Eevil\u202C'];
  for (const text of corpus) {
    await alice.say(text);
    await expect(bob.page.locator('[data-key] .text').last()).toHaveText(text);
  }
  expect(await bob.page.locator('[data-key] .text :is(script, img, svg, a[href^="javascript"])').count()).toBe(0);
});

test('the view holds still while older messages load, and follows only at its end', async () => {
  test.setTimeout(240_000);
  await alice.open(bob);
  await bob.page.goto(`${bob.base}/contacts`);
  await fill(alice, 260);
  const fresh = await Person.create(bob.context.browser()!, bob.base, bob.username, bob.nickname, { width: 900, height: 600 });
  await fresh.signIn();
  await fresh.open(alice);
  const { page } = fresh;
  const log = page.getByRole('log');
  await expect(page.getByText('New', { exact: true })).toBeInViewport();
  await page.getByRole('button', { name: 'Newest messages' }).click();
  await expect(log.getByText(/^260 /)).toBeInViewport();
  // Whoever turns the wheel up at the end leaves it, also in the frame in which a line grows.
  const leaves = async () => {
    await expect.poll(() => log.locator('[data-seq]').count()).toBeGreaterThan(50);
    await expect(page.getByRole('button', { name: 'Newest messages' })).toBeHidden();
    await log.evaluate((scroller) => {
      const last = [...scroller.querySelectorAll<HTMLElement>('[data-seq]')].at(-1)!;
      scroller.addEventListener('scroll', () => (last.style.paddingBottom = '7px'), { once: true, capture: true });
    });
    await log.hover();
    await page.mouse.wheel(0, -90);
    await expect(page.getByRole('button', { name: 'Newest messages' })).toBeVisible();
    // The wheel is heard of before the view moves.
    await expect.poll(() => log.evaluate((scroller) => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight)).toBeGreaterThanOrEqual(90);
  };
  await leaves();
  // So does whoever goes slowly, by a few pixels a frame, or by a key.
  const toEnd = async () => {
    await page.getByRole('button', { name: 'Newest messages' }).click();
    await expect(log.getByText(/^260 /)).toBeInViewport();
    await expect(page.getByRole('button', { name: 'Newest messages' })).toBeHidden();
  };
  await toEnd();
  await log.evaluate(async (scroller) => {
    for (let i = 0; i < 20; i++) {
      scroller.scrollTop -= 3;
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    }
  });
  await expect(page.getByRole('button', { name: 'Newest messages' })).toBeVisible();
  await toEnd();
  await page.keyboard.press('PageUp');
  await expect(page.getByRole('button', { name: 'Newest messages' })).toBeVisible();
  // Who waits at the top of what is loaded stays there when older messages come in above.
  const held = await log.evaluate(async (scroller) => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const line = () => scroller.querySelector<HTMLElement>('[data-seq]')!;
    // What the key set going comes to rest first.
    for (let still = 0, at = -1; still < 10; at = scroller.scrollTop) {
      await frame();
      still = scroller.scrollTop === at ? still + 1 : 0;
    }
    scroller.scrollTop = 0;
    const top = line();
    const before = top.getBoundingClientRect().bottom;
    let frames = 0;
    while (line() === top && frames++ < 600) await frame();
    for (let i = 0; i < 4; i++) await frame();
    return { more: line() !== top, moved: top.isConnected ? Math.abs(top.getBoundingClientRect().bottom - before) : Infinity };
  });
  expect(held.more).toBe(true);
  expect(held.moved).toBeLessThanOrEqual(1);
  // What was scrolled in the frame in which a line changes its height is not taken back.
  const moved = await log.evaluate(async (scroller) => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const lines = [...scroller.querySelectorAll<HTMLElement>('[data-seq]')];
    const line = lines[20]!;
    await frame();
    const before = line.getBoundingClientRect().top;
    scroller.scrollTop += 90;
    lines.at(-1)!.style.paddingBottom = '7px';
    for (let i = 0; i < 4; i++) await frame();
    return before - line.getBoundingClientRect().top;
  });
  expect(Math.abs(moved - 90)).toBeLessThanOrEqual(1);
  await toEnd();
  await leaves();
  // Wheel up in steps: between two frames what is seen of the first line may move by the wheel only.
  const worst = await log.evaluate(async (scroller) => {
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const first = () => {
      const top = scroller.getBoundingClientRect().top;
      const line = [...scroller.querySelectorAll<HTMLElement>('[data-seq]')].find((one) => one.getBoundingClientRect().bottom > top + 1)!;
      return { line: line.dataset.key!, y: line.getBoundingClientRect().bottom };
    };
    let worstJump = 0;
    let most = 0;
    const seen = new Set<string>();
    for (let step = 0; step < 400; step++) {
      scroller.scrollTop -= 90;
      const before = first();
      await frame();
      await frame();
      const now = scroller.querySelector<HTMLElement>(`[data-key="${before.line}"]`);
      worstJump = Math.max(worstJump, now ? Math.abs(now.getBoundingClientRect().bottom - before.y) : Infinity);
      most = Math.max(most, scroller.querySelectorAll('[data-seq]').length);
      seen.add(before.line);
      if (scroller.querySelector('.begin') && scroller.scrollTop < 5) break;
    }
    return { worstJump, most, begins: scroller.querySelector('.begin') !== null, seen: seen.size };
  });
  expect(worst.begins).toBe(true);
  expect(worst.seen).toBeGreaterThan(200);
  expect(worst.worstJump).toBeLessThanOrEqual(1);
  expect(worst.most).toBeLessThanOrEqual(200);
  // Something new comes in while reading at the top: nothing moves, a button tells.
  const place = await log.evaluate((scroller) => scroller.scrollTop);
  await alice.say('Something new');
  await expect(page.getByRole('button', { name: '1 new message' })).toBeVisible();
  expect(Math.abs((await log.evaluate((scroller) => scroller.scrollTop)) - place)).toBeLessThanOrEqual(1);
  await page.getByRole('button', { name: '1 new message' }).click();
  await expect(fresh.bubble('Something new')).toBeInViewport();
  await alice.say('And one more');
  await expect(fresh.bubble('And one more')).toBeInViewport();
  // What is written below grows before the page hears of an earlier move: that is not the reader.
  await log.evaluate((scroller) => {
    document.querySelector('textarea')!.style.minHeight = '12rem';
    scroller.dispatchEvent(new Event('scroll'));
  });
  await expect(fresh.bubble('And one more')).toBeInViewport({ ratio: 1 });
  await expect(page.getByRole('button', { name: 'Newest messages' })).toBeHidden();
  // Neither is a field that grows with what is written in it.
  await log.evaluate(() => (document.querySelector('textarea')!.style.minHeight = ''));
  await fresh.composer.fill('one\ntwo\nthree\nfour\nfive\nsix');
  await fresh.composer.press('End');
  await fresh.composer.pressSequentially(' is written');
  await alice.say('While that is written');
  await expect(fresh.bubble('While that is written')).toBeInViewport({ ratio: 1 });
  await expect(page.getByRole('button', { name: 'Newest messages' })).toBeHidden();
  await fresh.composer.fill('');
  expect(fresh.complaints).toEqual([]);
  await fresh.context.close();
});

test('two tabs share drafts and sign-out, and each hears everything once', async () => {
  const one = bob.page;
  await alice.open(bob);
  await alice.say('Before the second tab');
  await bob.open(alice);
  const other = await bob.context.newPage();
  await other.goto(one.url());
  await expect(other.locator('textarea')).toBeVisible();
  // Many messages are unread here: the newest ones are a click away.
  for (const tab of [one, other]) {
    const jump = tab.locator('.jump');
    await expect(tab.locator('[data-seq]').first()).toBeAttached();
    if (await jump.isVisible()) await jump.click();
    await expect(jump).toBeHidden();
  }
  await one.locator('textarea').fill('half a sentence');
  await expect(other.locator('textarea')).toHaveValue('half a sentence');
  await one.locator('textarea').fill('');
  await expect(other.locator('textarea')).toHaveValue('');
  await alice.say('To both tabs');
  for (const tab of [one, other]) await expect(tab.getByText('To both tabs', { exact: true }).and(tab.locator('.text'))).toHaveCount(1);
  await one.locator('textarea').fill('From the first tab');
  await one.locator('textarea').press('Enter');
  await expect(other.locator('.text').getByText('From the first tab')).toHaveCount(1);
  await one.goto(`${bob.base}/settings`);
  await one.getByRole('button', { name: 'Sign out', exact: true }).click();
  await one.getByRole('alertdialog').getByRole('button', { name: 'Sign out', exact: true }).click();
  for (const tab of [one, other]) await expect(tab.getByRole('heading', { name: 'Welcome back' })).toBeVisible();
  await other.close();
  await bob.signIn();
  await expect(bob.line(alice)).toBeVisible();
});

test('keys move between conversations, and back is the browser’s back on a narrow screen', async ({ browser }) => {
  const narrow = await Person.create(browser, bob.base, bob.username, bob.nickname, { width: 320, height: 640 });
  await narrow.signIn();
  await narrow.open(alice);
  await expect(narrow.line(alice)).toBeHidden();
  await narrow.page.goBack();
  await expect(narrow.line(alice)).toBeVisible();
  await expect(narrow.composer).toBeHidden();
  await narrow.page.goForward();
  await narrow.page.getByRole('button', { name: 'Back' }).click();
  await expect(narrow.line(alice)).toBeVisible();
  await narrow.context.close();

  await bob.page.goto(`${bob.base}/`);
  await expect(bob.line(alice)).toBeVisible();
  await bob.page.keyboard.press('Alt+ArrowDown');
  await expect(bob.composer).toBeVisible();
  await bob.page.keyboard.press('Escape');
  await expect(bob.page.getByRole('heading', { name: 'Pick up a thread' })).toBeVisible();
});

test('the language changes without a reload and keeps the draft', async () => {
  await bob.open(alice);
  await bob.composer.fill('kept');
  await bob.visit('/settings');
  await bob.page.getByLabel('Language').selectOption('zh-Hans');
  await expect(bob.page.getByRole('heading', { level: 1, name: '设置' })).toBeVisible();
  expect(await bob.page.locator('html').getAttribute('lang')).toBe('zh-Hans');
  await bob.page.getByLabel('语言').selectOption('en');
  await bob.visit('/');
  await bob.open(alice);
  await expect(bob.composer).toHaveValue('kept');
  await bob.composer.fill('');
});

test('loaded conversations stay readable without a server, also after a reload', async () => {
  await bob.open(alice);
  await alice.open(bob);
  await alice.say('Kept on the device');
  await expect(bob.bubble('Kept on the device')).toBeVisible();
  await bob.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  if (running.restart) await running.restart.stop();
  else await bob.context.setOffline(true);
  await bob.page.reload();
  await expect(bob.bubble('Kept on the device')).toBeVisible();
  await bob.say('Written without a server');
  await expect(bob.page.getByText(bob.t('net.offline'))).toBeVisible();
  await bob.page.reload();
  await expect(bob.bubble('Written without a server')).toBeVisible();
  if (running.restart) await running.restart.start();
  else await bob.context.setOffline(false);
  await expect(alice.bubble('Written without a server')).toBeVisible({ timeout: 60_000 });
  await expect(alice.bubble('Written without a server')).toHaveCount(1);
});

test('nothing above broke the policy of the page', () => {
  expect([...alice.complaints, ...bob.complaints]).toEqual([]);
});

// Sends many messages of mixed height through the protocol, faster than a person could.
async function fill(from: Person, count: number): Promise<void> {
  const login = await from.page.evaluate(() => JSON.parse(localStorage.getItem('parley.login')!) as { token: string });
  const conversationId = new URL(from.page.url()).pathname.split('/').at(-1)!;
  for (let i = 0; i < count; i++) {
    const hex = (Date.now() * 65_536 + i).toString(16).padStart(16, '0');
    const clientMessageId = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13)}-8000-${String(i).padStart(12, '0')}`;
    const body = `${i + 1} ${'很长的一行 and some words. '.repeat((i * 7) % 12)}${i % 9 === 0 ? '\nsecond\nthird' : ''}`.trim();
    const send = () =>
      from.page.request.post(`${from.base}/parley.message.v1.MessageService/Send`, {
        headers: { Authorization: `Bearer ${login.token}` },
        data: { conversationId, clientMessageId, content: { text: { body } } },
      });
    let answer = await send();
    for (let tries = 0; !answer.ok() && tries < 30; tries++) {
      await from.page.waitForTimeout(1_000);
      answer = await send();
    }
    expect(answer.ok(), await answer.text()).toBe(true);
  }
}
