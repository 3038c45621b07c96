// SPDX-License-Identifier: Apache-2.0
import { expect, test } from '@playwright/test';
import { look } from './lib/look';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';

let running: Servers;
let alice: Person;
let bob: Person;
let third: Person;

test.beforeAll(async ({ browser }) => {
  running = await servers(1);
  const base = running.urls[0]!;
  alice = await Person.create(browser, base, unique('alice'), 'Alice Wren');
  bob = await Person.create(browser, base, unique('bob'), '李小波', { locale: 'zh-CN' });
  third = await Person.create(browser, base, unique('maximiliane'), 'Maximiliane von Hohenstein-Witt');
  await alice.signUp();
  await bob.signUp();
  await third.signUp();
  await alice.askToBeFriend(bob, '我们在会上见过');
  await bob.accept(alice);
  await third.askToBeFriend(alice, 'From the harbour office');
  await bob.open(alice);
  for (const text of ['早上好！', 'The map is at https://example.com/map', '中文与 English 混排的一条比较长的消息，用来看看换行是否合适，以及标点的位置。']) await bob.say(text);
  await alice.open(bob);
  for (const text of ['Good morning!', 'Got it.\nThank you.']) await alice.say(text);
  await third.context.close();
});

test.afterAll(async () => {
  for (const person of [alice, bob]) await person?.context.close();
  await running?.close();
});

for (const width of [1280, 320]) {
  for (const theme of ['light', 'dark'] as const) {
    for (const locale of ['en', 'zh-CN'] as const) {
      test(`every screen at ${width} px, ${theme}, ${locale}`, async ({ browser }) => {
        const guest = await Person.create(browser, running.urls[0]!, alice.username, alice.nickname, { width, height: width === 320 ? 640 : 800, theme, locale });
        const { page, t } = { page: guest.page, t: guest.t.bind(guest) };
        await page.goto(`${guest.base}/signup`);
        await page.getByRole('button', { name: t('auth.signUp') }).click();
        await expect(page.getByText(t('field.required'))).toHaveCount(3);
        await look(page, 'sign-up');
        await page.getByRole('button', { name: t('auth.byPhone') }).click();
        await page.getByRole('button', { name: t('auth.signUp') }).click();
        await expect(page.getByText(t('field.required'))).toHaveCount(1);
        await look(page, 'sign-up-by-phone');
        await page.goto(`${guest.base}/reset`);
        await page.getByRole('button', { name: t('reset.action') }).click();
        await expect(page.getByText(t('field.required'))).toHaveCount(2);
        await look(page, 'reset');
        await guest.trySignIn('not the password');
        await expect(page.getByText(t('error.INVALID_CREDENTIALS'))).toBeVisible();
        await look(page, 'sign-in');
        await guest.signIn();
        await expect(guest.line(bob)).toBeVisible();
        await look(page, 'conversations');
        await guest.open(bob);
        await expect(guest.bubble('Good morning!')).toBeVisible();
        await look(page, 'conversation');
        await page.goto(`${guest.base}/contacts`);
        await expect(page.getByText(bob.nickname)).toBeVisible();
        await look(page, 'friends');
        await page.getByRole('button', { name: t('contacts.removeWho', { name: bob.nickname }) }).click();
        await expect(page.getByRole('alertdialog')).toBeVisible();
        await look(page, 'remove-a-friend');
        await page.keyboard.press('Escape');
        await expect(page.getByRole('button', { name: t('contacts.removeWho', { name: bob.nickname }) })).toBeFocused();
        await page.goto(`${guest.base}/contacts/requests`);
        await expect(page.getByText('From the harbour office')).toBeVisible();
        await look(page, 'requests');
        await page.goto(`${guest.base}/contacts/find`);
        await page.getByRole('searchbox').fill('Maximiliane');
        await page.keyboard.press('Enter');
        await page.getByRole('listitem').filter({ hasText: third.nickname }).first().waitFor();
        await look(page, 'find');
        await page.goto(`${guest.base}/settings`);
        await expect(page.getByText(t('settings.thisDevice'), { exact: true })).toBeVisible();
        await look(page, 'settings');
        for (const part of ['changeUsername', 'addPhone', 'changePassword'] as const) {
          await page.getByRole('button', { name: t(`account.${part}`) }).click();
          const form = page.locator('form').filter({ has: page.getByRole('button', { name: t('dialog.cancel') }) });
          await form.getByRole('textbox').last().fill('');
          await form.locator('[type="submit"]').click();
          await expect(form.getByText(t('field.required')).first()).toBeVisible();
          await look(page, part);
          await page.getByRole('button', { name: t('dialog.cancel') }).click();
          await expect(page.getByRole('button', { name: t(`account.${part}`) })).toBeFocused();
        }
        await page.getByRole('button', { name: t('deletion.start') }).click();
        await page.getByRole('button', { name: t('deletion.action') }).click();
        await expect(page.getByText(t('field.required'))).toBeVisible();
        await look(page, 'delete-account');
        await page.getByRole('button', { name: t('dialog.cancel') }).click();
        const device = await Person.create(browser, guest.base, alice.username, alice.nickname, { width, height: width === 320 ? 640 : 800, theme, locale });
        await device.signIn();
        await page.reload();
        await page.getByRole('button', { name: t('settings.endOthers') }).click();
        await expect(page.getByRole('alertdialog')).toBeVisible();
        await look(page, 'end-others');
        await page.getByRole('alertdialog').getByRole('button', { name: t('settings.endOthers') }).click();
        await expect(device.page.getByText(t('ended.revoked'))).toBeVisible();
        await look(device.page, 'session-ended');
        await device.context.close();
        await page.goto(`${guest.base}/c/0199a7f0-0000-7000-8000-000000000001`);
        await expect(page.getByText(t('chat.notFound'))).toBeVisible();
        await look(page, 'not-found');
        expect(guest.complaints).toEqual([]);
        await page.goto(`${guest.base}/settings`);
        await page.getByRole('button', { name: t('settings.signOut'), exact: true }).click();
        await page.getByRole('alertdialog').getByRole('button', { name: t('settings.signOut'), exact: true }).click();
        await expect(page.getByRole('heading', { name: t('auth.signInTitle') })).toBeVisible();
        expect(await page.evaluate(() => localStorage.getItem('parley.login'))).toBeNull();
        await guest.context.close();
      });
    }
  }
}
