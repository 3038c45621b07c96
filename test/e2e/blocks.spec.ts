// SPDX-License-Identifier: Apache-2.0
import { expect, test, type WebSocketRoute } from '@playwright/test';
import { look } from './lib/look';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';

let running: Servers;
test.beforeAll(async () => {
  running = await servers(1);
});
test.afterAll(() => running?.close());

test('a remark stands for a name, a block looks like a removal, and friends again read what was said before', async ({ browser }) => {
  const base = running.urls[0]!;
  const alice = await Person.create(browser, base, unique('alice'), 'Alice Wren', { locale: 'en' });
  const bob = await Person.create(browser, base, unique('bob'), '小波', { locale: 'zh-CN', theme: 'dark', width: 375, height: 720 });
  // The way between the second person and the servers, which can be cut.
  const way = { cut: false, sockets: [] as WebSocketRoute[] };
  await bob.page.routeWebSocket(/\/v1\/ws/, async (socket) => {
    if (way.cut) return socket.close({ code: 4000 });
    socket.connectToServer();
    way.sockets.push(socket);
  });
  await alice.signUp();
  await bob.signUp();
  await alice.askToBeFriend(bob, '');
  await bob.accept(alice);
  const device = await Person.create(browser, base, alice.username, alice.nickname, { locale: 'en' });
  await device.signIn();

  await test.step('a remark, on both devices of its owner', async () => {
    await alice.page.goto(`${base}/contacts`);
    await alice.page.getByRole('button', { name: alice.t('contacts.remarkWho', { name: bob.nickname }) }).click();
    await alice.page.getByLabel(alice.t('contacts.remarkFor', { name: bob.nickname })).fill('The boss');
    await alice.page.getByRole('button', { name: alice.t('settings.save') }).click();
    await expect(alice.page.getByText('The boss', { exact: true })).toBeVisible();
    await expect(device.page.locator('[data-conversation]').filter({ hasText: 'The boss' })).toBeVisible();
  });

  await alice.page.goto(`${base}/`);
  await alice.page.locator('[data-conversation]').filter({ hasText: 'The boss' }).click();
  await alice.say('Said before.');
  await bob.open(alice);
  await bob.sees(['Said before.']);

  await test.step('the details lead to a day, in one request', async () => {
    await bob.page.getByRole('button', { name: bob.t('details.of', { name: alice.nickname }) }).click();
    const dialog = bob.page.getByRole('dialog');
    await expect(dialog.getByLabel(bob.t('details.goToDate'))).toBeVisible();
    await look(bob.page, 'details-narrow');
    const asked: string[] = [];
    bob.page.on('request', (request) => {
      if (request.url().endsWith('/ListMessages')) asked.push(request.url());
    });
    const day = await bob.page.evaluate(() => new Intl.DateTimeFormat('sv-SE').format(new Date()));
    await dialog.getByLabel(bob.t('details.goToDate')).fill(day);
    await dialog.getByRole('button', { name: bob.t('details.go'), exact: true }).click();
    await expect(dialog).toBeHidden();
    await expect(bob.page.locator('.row.found')).toContainText('Said before.');
    await expect(bob.bubble('Said before.')).toBeFocused();
    expect(asked).toHaveLength(1);
    await bob.page.getByRole('button', { name: bob.t('details.of', { name: alice.nickname }) }).click();
    await dialog.getByRole('button', { name: bob.t('find.label') }).click();
    await expect(bob.page.getByRole('textbox', { name: bob.t('search.fieldIn') })).toBeFocused();
    await bob.page.keyboard.press('Escape');
    await expect(bob.composer).toBeVisible();
  });

  await test.step('what is written while away waits', async () => {
    way.cut = true;
    for (const socket of way.sockets) await socket.close({ code: 4000 });
    await bob.say('Never arrives.');
    await expect(bob.bubble('Never arrives.').getByText(bob.t('state.sending'))).toBeAttached();
  });

  await test.step('a block from the conversation', async () => {
    await alice.page.getByRole('button', { name: alice.t('details.of', { name: 'The boss' }) }).click();
    await expect(alice.page.getByRole('dialog')).toBeVisible();
    await look(alice.page, 'details');
    await alice.page.getByRole('dialog').getByRole('button', { name: alice.t('contacts.blockWho', { name: 'The boss' }) }).click();
    await alice.page.getByRole('alertdialog').getByRole('button', { name: alice.t('contacts.block'), exact: true }).click();
    // The remark went with the friendship.
    await expect(alice.page.getByText(alice.t('chat.blocked', { name: bob.nickname }))).toBeVisible();
    way.cut = false;
    await bob.page.evaluate(() => dispatchEvent(new Event('online')));
    await expect(bob.page.getByText(bob.t('chat.readOnly', { name: alice.nickname }))).toBeVisible({ timeout: 40_000 });
  });

  await test.step('and then says why it was not sent, until it is discarded', async () => {
    await expect(bob.page.getByRole('log').getByText(bob.t('state.refused'))).toBeVisible();
    await expect(bob.page.getByText(bob.t('error.CONVERSATION_READ_ONLY'))).toBeVisible();
    await look(bob.page, 'not-sent-narrow');
    await bob.page.getByRole('button', { name: bob.t('state.discard') }).click();
    await bob.sees(['Said before.']);
    await expect(alice.page.getByText('Never arrives.')).toHaveCount(0);
  });

  await test.step('neither finds the other', async () => {
    await bob.page.goto(`${base}/contacts/find`);
    await bob.page.getByRole('searchbox').fill(alice.username);
    await bob.page.getByRole('button', { name: bob.t('contacts.searchButton') }).click();
    await expect(bob.page.getByText(bob.t('contacts.noHits'), { exact: true })).toBeVisible();
  });

  await test.step('unblocking in the settings of the other device', async () => {
    await device.page.goto(`${base}/settings`);
    await device.page.getByRole('button', { name: device.t('contacts.unblockWho', { name: bob.nickname }) }).click();
    await expect(device.page.getByText(device.t('settings.noBlocked'))).toBeVisible();
    await expect(alice.page.getByText(alice.t('chat.readOnly', { name: bob.nickname }))).toBeVisible();
  });

  await test.step('friends again, in the same conversation', async () => {
    await bob.askToBeFriend(alice, '');
    await alice.accept(bob);
    await alice.open(bob);
    await alice.say('And after.');
    await bob.open(alice);
    await bob.sees(['Said before.', 'And after.']);
  });

  await test.step('a block from the list of friends', async () => {
    await alice.page.goto(`${base}/contacts`);
    await alice.page.getByRole('button', { name: alice.t('contacts.blockWho', { name: bob.nickname }) }).click();
    await alice.page.getByRole('alertdialog').getByRole('button', { name: alice.t('contacts.block'), exact: true }).click();
    await expect(alice.page.getByText(alice.t('contacts.noFriends'), { exact: true })).toBeVisible();
  });

  for (const person of [alice, bob, device]) {
    expect(person.complaints).toEqual([]);
    await person.context.close();
  }
});
