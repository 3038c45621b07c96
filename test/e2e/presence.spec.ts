// SPDX-License-Identifier: Apache-2.0
import { expect, test } from '@playwright/test';
import { look } from './lib/look';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';

let running: Servers;
test.beforeAll(async () => {
  running = await servers(1);
});
test.afterAll(() => running?.close());

test('how a friend is stands beside the name, in words too, and strangers are nothing', async ({ browser }) => {
  const base = running.urls[0]!;
  const alice = await Person.create(browser, base, unique('alice'), 'Alice Wren', { locale: 'en' });
  const bob = await Person.create(browser, base, unique('bob'), '小波', { locale: 'zh-CN', theme: 'dark', width: 320, height: 640 });
  const cleo = await Person.create(browser, base, unique('cleo'), 'Cleo Marsh');
  for (const person of [alice, bob, cleo]) await person.signUp();
  await alice.askToBeFriend(bob, '');
  await bob.accept(alice);
  await alice.askToBeFriend(cleo, '');

  await test.step('in the conversation, in the list and in the contacts', async () => {
    await alice.open(bob);
    await bob.page.mouse.click(160, 500);
    await expect(alice.page.locator('header').getByText('Online · @bob')).toBeVisible({ timeout: 40_000 });
    await expect(alice.line(bob).getByText(alice.t('presence.online'))).toBeAttached();
    await look(alice.page, 'presence');
    await bob.open(alice);
    await expect(bob.page.locator('header').getByText(/^(在线|离开) · @alice/)).toBeVisible();
    await look(bob.page, 'presence-narrow');
    await alice.page.goto(`${base}/contacts`);
    await expect(alice.page.getByRole('listitem').getByText(alice.t('presence.online'))).toBeAttached({ timeout: 40_000 });
    await look(alice.page, 'presence-contacts');
    await cleo.page.goto(`${base}/contacts/requests`);
    await expect(cleo.page.getByRole('listitem')).toHaveCount(1);
    await expect(cleo.page.locator('.dot')).toHaveCount(0);
  });

  await test.step('who closes the browser is away half a minute later', async () => {
    await alice.page.goto(`${base}/`);
    await alice.line(bob).click();
    await expect(alice.page.locator('header').getByText('Online · @bob')).toBeVisible({ timeout: 40_000 });
    await bob.context.close();
    await expect(alice.page.locator('header').getByText(/^Last active: .* · @bob/)).toBeVisible({ timeout: 60_000 });
    await look(alice.page, 'presence-offline');
  });

  for (const person of [alice, cleo]) {
    expect(person.complaints).toEqual([]);
    await person.context.close();
  }
});
