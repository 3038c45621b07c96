// SPDX-License-Identifier: Apache-2.0
import { expect, test, type Locator } from '@playwright/test';
import { look } from './lib/look';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';

let running: Servers;
test.beforeAll(async () => {
  running = await servers(1);
});
test.afterAll(() => running?.close());

/** Opens the menu of a message with the pointer. */
async function menu(person: Person, text: string): Promise<Locator> {
  await person.bubble(text).hover();
  await person.bubble(text).getByRole('button', { name: /^(Actions for|对)/ }).click();
  return person.page.getByRole('menu');
}

async function pick(person: Person, text: string, item: string): Promise<void> {
  await (await menu(person, text)).getByRole('menuitem', { name: item }).click();
}

test('two people edit, take back and answer what they said', async ({ browser }) => {
  const base = running.urls[0]!;
  const alice = await Person.create(browser, base, unique('alice'), 'Alice Wren', { locale: 'en' });
  const bob = await Person.create(browser, base, unique('bob'), '小波', { locale: 'zh-CN', theme: 'dark', width: 375, height: 720 });
  await alice.signUp();
  await bob.signUp();
  await alice.askToBeFriend(bob, '');
  await bob.accept(alice);
  await alice.open(bob);
  await bob.open(alice);
  for (const text of ['Ten o’clok tomorrow', 'Wrong window, sorry', 'Bring the map']) await alice.say(text);
  await bob.say('好的');
  const composer = alice.page.locator('textarea');

  await test.step('with the pointer', async () => {
    await composer.fill('half a draft');
    await pick(alice, 'Ten o’clok tomorrow', alice.t('message.edit'));
    await expect(composer).toHaveValue('Ten o’clok tomorrow');
    await expect(composer).toBeFocused();
    await look(alice.page, 'editing');
    await composer.fill('Ten o’clock tomorrow');
    await composer.press('Enter');
    await expect(composer).toHaveValue('half a draft');
    await expect(bob.bubble('Ten o’clock tomorrow').getByText(bob.t('message.edited'), { exact: true })).toBeVisible();
    await pick(bob, 'Ten o’clock tomorrow', bob.t('message.versions'));
    await expect(bob.page.getByRole('dialog').getByText('Ten o’clok tomorrow')).toBeVisible();
    await look(bob.page, 'versions');
    await bob.page.keyboard.press('Escape');
    await expect(bob.page.getByRole('dialog')).toBeHidden();
    await expect(bob.composer).toBeVisible();
    await pick(alice, 'Wrong window, sorry', alice.t('message.recall'));
    await look(alice.page, 'recall');
    await alice.page.getByRole('alertdialog').getByRole('button', { name: alice.t('message.recall') }).click();
    await expect(alice.page.getByText(alice.t('message.recalledOwn'))).toBeVisible();
    await expect(bob.page.getByText(bob.t('message.recalledOther', { name: 'Alice Wren' }))).toBeVisible();
    await expect(bob.page.getByText('Wrong window, sorry')).toHaveCount(0);
  });

  await test.step('with the keyboard alone', async () => {
    await composer.fill('');
    await composer.press('ArrowUp');
    await expect(composer).toHaveValue('Bring the map');
    await composer.press('Escape');
    await expect(composer).toHaveValue('');
    await expect(composer).toBeFocused();
    await composer.press('ArrowUp');
    await composer.fill('Bring the map, please');
    await composer.press('Enter');
    await bob.sees(['Ten o’clock tomorrow', 'Bring the map, please', '好的']);
    const log = alice.page.getByRole('log');
    await log.focus();
    await log.press('End');
    await expect(alice.bubble('好的')).toBeFocused();
    await alice.page.keyboard.press('ArrowUp');
    await expect(alice.bubble('Bring the map, please')).toBeFocused();
    await alice.page.keyboard.press('Enter');
    await expect(alice.page.getByRole('menuitem', { name: alice.t('message.reply') })).toBeFocused();
    await look(alice.page, 'menu');
    await alice.page.keyboard.press('Escape');
    await expect(alice.bubble('Bring the map, please')).toBeFocused();
    await alice.page.keyboard.press('Delete');
    await alice.page.getByRole('alertdialog').getByRole('button', { name: alice.t('message.recall') }).click();
    await bob.sees(['Ten o’clock tomorrow', '好的']);
    await expect(bob.page.getByText(bob.t('message.recalledOther', { name: 'Alice Wren' }))).toHaveCount(2);
  });

  await test.step('they answer each other, and a quote follows its original', async () => {
    await pick(bob, 'Ten o’clock tomorrow', bob.t('message.reply'));
    await expect(bob.composer).toBeFocused();
    await look(bob.page, 'answering');
    await bob.page.reload();
    await expect(bob.page.locator('form .quote')).toContainText('Ten o’clock tomorrow');
    await bob.say('十点可以');
    await expect(alice.bubble('十点可以').locator('.quote')).toContainText('Ten o’clock tomorrow');
    await expect(bob.page.locator('form .quote')).toHaveCount(0);
    await pick(alice, 'Ten o’clock tomorrow', alice.t('message.edit'));
    await composer.fill('Eleven o’clock tomorrow');
    await composer.press('Enter');
    await expect(bob.bubble('十点可以').locator('.quote')).toContainText('Eleven o’clock tomorrow');
    await bob.bubble('十点可以').getByRole('button', { name: bob.t('reply.jump') }).click();
    await expect(bob.page.locator('.row.found')).toContainText('Eleven o’clock tomorrow');
    await alice.page.getByRole('log').focus();
    await alice.page.keyboard.press('End');
    await alice.page.keyboard.press('r');
    await expect(composer).toBeFocused();
    await composer.press('Escape');
    await expect(alice.page.locator('form .quote')).toHaveCount(0);
    await look(alice.page, 'quotes');
  });

  await test.step('reactions count, and the own one is marked', async () => {
    await pick(alice, '好的', alice.t('message.react'));
    await look(alice.page, 'emoji');
    await alice.page.getByRole('menuitem', { name: '👍' }).click();
    const chip = bob.bubble('好的').getByRole('button', { name: '👍 1' });
    await expect(chip).toHaveAttribute('aria-pressed', 'false');
    await chip.click();
    await expect(alice.bubble('好的').getByRole('button', { name: '👍 2' })).toHaveAttribute('aria-pressed', 'true');
    await look(bob.page, 'reactions-dark');
    await look(alice.page, 'reactions');
    await alice.bubble('好的').focus();
    await alice.page.keyboard.press('+');
    await alice.page.getByRole('menuitem', { name: '👍' }).press('Enter');
    await expect(bob.bubble('好的').getByRole('button', { name: '👍 1' })).toHaveAttribute('aria-pressed', 'true');
  });

  await test.step('a few marks are drawn, from text alone', async () => {
    const lines = ['**你好**世界 and *soft*, `<b>code</b>`', '> said before', '1. first', '3. third with [a map](https://example.com/map)', '```js', 'let x = "**";', '```', 'end'];
    await bob.composer.fill(lines.join('\n'));
    await bob.composer.press('Enter');
    const text = alice.page.locator('.text').last();
    await expect(text.locator('strong')).toHaveText('你好');
    await expect(text.locator('em')).toHaveText('soft');
    await expect(text.locator('code').first()).toHaveText('<b>code</b>');
    await expect(text.locator('blockquote')).toHaveText('said before');
    await expect(text.locator('ol li')).toHaveText(['first', 'third with a map']);
    await expect(text.locator('li').last()).toHaveAttribute('value', '3');
    await expect(text.getByRole('link', { name: 'a map' })).toHaveAttribute('href', 'https://example.com/map');
    await expect(text.locator('pre')).toHaveText('let x = "**";');
    await expect(alice.line(bob)).toContainText('你好世界 and soft, <b>code</b>');
    await look(alice.page, 'marks');
    await look(bob.page, 'marks-dark');
    await bob.composer.press('ArrowUp');
    await expect(bob.composer).toHaveValue(lines.join('\n'));
    await bob.composer.press('Escape');
    await bob.page.locator('[data-seq]').last().focus();
    await bob.page.keyboard.press('Delete');
    await bob.page.getByRole('alertdialog').getByRole('button', { name: bob.t('message.recall') }).click();
    await expect(text.locator('pre')).toHaveCount(0);
  });

  await test.step('what is gone stays gone on this and on another device', async () => {
    await alice.page.reload();
    await alice.sees(['Eleven o’clock tomorrow', '好的', '十点可以']);
    const second = await Person.create(browser, base, bob.username, bob.nickname, { theme: 'light', width: 320, height: 640 });
    await second.signIn();
    await second.open(alice);
    await second.sees(['Eleven o’clock tomorrow', '好的', '十点可以']);
    await pick(bob, '十点可以', bob.t('message.hide'));
    await look(bob.page, 'hide');
    await bob.page.getByRole('alertdialog').getByRole('button', { name: bob.t('message.hide') }).click();
    for (const device of [bob, second]) await device.sees(['Eleven o’clock tomorrow', '好的']);
    await bob.page.reload();
    await bob.sees(['Eleven o’clock tomorrow', '好的']);
    await alice.sees(['Eleven o’clock tomorrow', '好的', '十点可以']);
    await menu(second, '好的');
    await look(second.page, 'menu-narrow');
    expect(second.complaints).toEqual([]);
    await second.context.close();
    await menu(bob, '好的');
    await look(bob.page, 'menu-dark');
  });

  for (const person of [alice, bob]) {
    expect(person.complaints).toEqual([]);
    await person.context.close();
  }
});
