// SPDX-License-Identifier: Apache-2.0
// Each row of the keyboard table, by keys alone.
import { expect, test } from '@playwright/test';
import { look } from './lib/look';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';

let running: Servers;
let alice: Person;
let bob: Person;
let cleo: Person;

test.beforeAll(async ({ browser }) => {
  running = await servers(1);
  const base = running.urls[0]!;
  alice = await Person.create(browser, base, unique('alice'), 'Alice Wren');
  bob = await Person.create(browser, base, unique('bob'), 'Bob Finch');
  cleo = await Person.create(browser, base, unique('cleo'), 'Zoé 李小波');
  for (const person of [alice, bob, cleo]) await person.signUp();
  for (const other of [bob, cleo]) {
    await other.askToBeFriend(alice, '');
    await alice.accept(other);
    await other.open(alice);
  }
  await bob.say('Good morning');
  await alice.open(bob);
  await alice.sees(['Good morning']);
  await expect(alice.page).toHaveTitle('Parley');
});

test.afterAll(async () => {
  for (const person of [alice, bob, cleo]) await person?.context.close();
  await running?.close();
});

const press = (keys: string) => alice.page.keyboard.press(keys);

test('Enter sends and Shift+Enter makes a line; the setting swaps them, also for edits', async () => {
  await alice.open(bob);
  await alice.composer.fill('one');
  await press('Shift+Enter');
  await alice.page.keyboard.type('two');
  await expect(alice.composer).toHaveValue('one\ntwo');
  await press('Enter');
  await bob.sees(['Good morning', 'one\ntwo']);
  await alice.visit('/settings');
  await alice.page.getByText(alice.t('settings.enterLine'), { exact: true }).click();
  await expect(alice.page.getByRole('radio', { name: alice.t('settings.enterLine') })).toBeChecked();
  await alice.visit('/');
  await alice.open(bob);
  await expect(alice.page.getByText(alice.t('composer.hintShift'))).toBeVisible();
  await alice.composer.focus();
  await alice.page.keyboard.type('three');
  await press('Enter');
  await alice.page.keyboard.type('four');
  await expect(alice.composer).toHaveValue('three\nfour');
  await press('Shift+Enter');
  await bob.sees(['Good morning', 'one\ntwo', 'three\nfour']);
  await press('ArrowUp');
  await expect(alice.composer).toHaveValue('three\nfour');
  await press('Enter');
  await alice.page.keyboard.type('five');
  await press('Shift+Enter');
  await bob.sees(['Good morning', 'one\ntwo', 'three\nfour\nfive']);
  await alice.visit('/settings');
  await alice.page.getByText(alice.t('settings.enterSends'), { exact: true }).click();
  await expect(alice.page.getByRole('radio', { name: alice.t('settings.enterSends') })).toBeChecked();
});

test('Escape leaves the edit, the answer, the pane, marks as read, and then closes', async () => {
  await alice.visit('/');
  await alice.open(bob);
  await alice.composer.focus();
  await press('ArrowUp');
  await expect(alice.page.getByText(alice.t('composer.editing'))).toBeVisible();
  await press('Escape');
  await expect(alice.composer).toHaveValue('');
  await alice.page.getByRole('log').focus();
  await press('End');
  await press('r');
  await expect(alice.page.locator('form .quote')).toBeVisible();
  await expect(alice.composer).toBeFocused();
  await press('Escape');
  await expect(alice.page.locator('form .quote')).toHaveCount(0);
  await expect(alice.composer).toBeFocused();
  // Nobody looks at this window, so what comes in stays unread until it is said otherwise.
  await alice.page.evaluate(() => {
    document.hasFocus = () => false;
    dispatchEvent(new Event('blur'));
  });
  await bob.say('Unread here');
  await expect(alice.page).toHaveTitle('(1) Parley');
  await press('Escape');
  await expect(alice.page).toHaveTitle('Parley');
  await expect(bob.bubble('Unread here').getByText(bob.t('state.read'), { exact: true })).toBeAttached();
  await expect(alice.composer).toBeVisible();
  await press('Escape');
  await expect(alice.page.getByRole('heading', { name: alice.t('chat.pickTitle') })).toBeVisible();
  await expect(alice.line(bob)).toBeFocused();
  await alice.page.reload();
});

test('Alt with arrows moves through the list, with Shift through what is unread', async () => {
  await cleo.say('Hello from Zoé');
  await alice.open(bob);
  // Under the pointer the list holds still, and the keys follow what is shown.
  await alice.page.mouse.move(900, 400);
  await expect(alice.page.locator('[data-conversation]').first()).toContainText('Hello from Zoé');
  await alice.composer.focus();
  await press('Alt+ArrowUp');
  await expect(alice.line(cleo)).toHaveAttribute('aria-current', 'true');
  await expect(alice.composer).toBeFocused();
  await expect(alice.page).toHaveTitle('Parley');
  await press('Alt+ArrowUp');
  await expect(alice.line(cleo)).toHaveAttribute('aria-current', 'true');
  await press('Alt+Shift+ArrowDown');
  await expect(alice.line(cleo)).toHaveAttribute('aria-current', 'true');
  await press('Alt+ArrowDown');
  await expect(alice.line(bob)).toHaveAttribute('aria-current', 'true');
  await cleo.say('Another one');
  await expect(alice.page).toHaveTitle('(1) Parley');
  await press('Alt+Shift+ArrowUp');
  await expect(alice.line(cleo)).toHaveAttribute('aria-current', 'true');
  await expect(alice.page).toHaveTitle('Parley');
});

test('Ctrl+K jumps to a conversation or a person, and Escape comes back', async () => {
  await alice.open(bob);
  await alice.composer.focus();
  const box = alice.page.getByRole('combobox', { name: alice.t('jump.label') });
  const option = alice.page.getByRole('dialog').getByRole('option');
  await press('Control+k');
  await expect(box).toBeFocused();
  await look(alice.page, 'jump');
  await press('Escape');
  await expect(box).toBeHidden();
  await expect(alice.composer).toBeFocused();
  await press('Control+k');
  // Marks, case and the script do not matter.
  await box.fill('ZOE');
  await expect(option).toHaveText([/Zoé 李小波/]);
  await box.fill('小波');
  await expect(option).toHaveText([/Zoé 李小波/]);
  await press('Enter');
  await expect(alice.line(cleo)).toHaveAttribute('aria-current', 'true');
  await expect(alice.composer).toBeFocused();
  await alice.visit('/settings');
  await press('Control+k');
  await box.fill(bob.username);
  await expect(option).toHaveText([/Bob Finch/]);
  await box.fill('nobody of that name');
  await expect(alice.page.getByText(alice.t('list.noMatch'))).toBeVisible();
  await press('Enter');
  await box.fill('');
  await expect(option).toHaveCount(2);
  await press('ArrowDown');
  const second = await alice.page.getByRole('dialog').getByRole('option', { selected: true }).locator('.name').innerText();
  await press('Enter');
  await expect(alice.page.getByRole('heading', { level: 1, name: second })).toBeVisible();
});

test('Ctrl+F searches the conversation; without a connection it finds in what the device holds, and says so', async () => {
  await alice.open(bob);
  await alice.composer.focus();
  await alice.page.route('**/parley.message.v1.MessageService/Search', (route) => route.abort());
  await press('Control+f');
  const bar = alice.page.getByRole('search');
  await expect(bar.getByRole('textbox')).toBeFocused();
  await alice.page.keyboard.type('GOOD');
  await alice.page.getByRole('button', { name: alice.t('search.onDevice') }).click();
  await expect(bar.getByRole('textbox', { name: alice.t('find.label') })).toBeFocused();
  await expect(bar.getByText(/that this device holds\.$/)).toBeVisible();
  await alice.page.keyboard.type('GOOD');
  await expect(bar.getByText(/^1 match/)).toBeVisible();
  await press('Enter');
  await expect(alice.page.locator('.row.found')).toContainText('Good morning');
  await expect(bar.getByRole('textbox')).toBeFocused();
  await bar.getByRole('textbox').fill('nowhere');
  await expect(bar.getByText(/^Not in the \d+ messages? that this device holds/)).toBeVisible();
  await look(alice.page, 'find-in-conversation');
  await press('Escape');
  await expect(bar).toBeHidden();
  await alice.page.unroute('**/parley.message.v1.MessageService/Search');
});

test('Tab goes from the list to the messages to the composer, F6 from region to region', async () => {
  await alice.open(bob);
  const log = alice.page.getByRole('log');
  await alice.line(bob).focus();
  const order: string[] = [];
  for (let i = 0; i < 12 && order.at(-1) !== 'composer'; i++) {
    await press('Tab');
    order.push(
      await alice.page.evaluate(() => {
        const at = document.activeElement!;
        return at.matches('textarea') ? 'composer' : at.matches('[role="log"]') ? 'messages' : at.matches('[data-conversation]') ? 'list' : 'between';
      }),
    );
  }
  expect(order.filter((one) => one !== 'between')).toEqual(['messages', 'composer']);
  await press('Shift+Tab');
  await expect(log).toBeFocused();
  // The list is one stop; arrows, Home and End move in it.
  await alice.line(bob).focus();
  await press('Home');
  await press('ArrowDown');
  await press('End');
  await expect(alice.page.locator('[data-conversation]').last()).toBeFocused();
  await press('ArrowUp');
  await expect(alice.page.locator('[data-conversation]').first()).toBeFocused();
  const seen: string[] = [];
  await alice.line(bob).focus();
  for (let i = 0; i < 5; i++) {
    await press('F6');
    seen.push(await alice.page.evaluate(() => document.activeElement!.closest('[data-region]')!.matches('nav') ? 'sections' : document.activeElement!.tagName + (document.activeElement!.getAttribute('role') ?? '')));
    const outline = await alice.page.evaluate(() => {
      // A field in a frame of its own is marked by the frame.
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement!.closest('.box') ?? document.activeElement!);
      return outlineStyle === 'none' ? 0 : parseFloat(outlineWidth);
    });
    expect(outline, seen.at(-1)).toBeGreaterThanOrEqual(2);
  }
  expect(seen).toEqual(['DIVlog', 'TEXTAREA', 'sections', 'A', 'DIVlog']);
  await press('Shift+F6');
  await expect(alice.line(bob)).toBeFocused();
});

test('keys on a message: move, open actions, answer, edit, take back and react', async () => {
  await alice.open(bob);
  for (const text of ['first of mine', 'second of mine']) await alice.say(text);
  const log = alice.page.getByRole('log');
  const second = alice.bubble('second of mine');
  // What has no place yet has no menu.
  await expect(second.locator('.tick.sent, .tick.read')).toBeAttached();
  await log.focus();
  await press('End');
  await expect(second).toBeFocused();
  await press('ArrowUp');
  await expect(alice.bubble('first of mine')).toBeFocused();
  await press('Home');
  await expect(alice.bubble('Good morning')).toBeFocused();
  await press('ArrowDown');
  await expect(alice.bubble('Good morning')).not.toBeFocused();
  await press('End');
  await press('Enter');
  await expect(alice.page.getByRole('menuitem').first()).toBeFocused();
  await press('Escape');
  await expect(second).toBeFocused();
  await press('r');
  await expect(alice.composer).toBeFocused();
  await expect(alice.page.locator('form .quote')).toContainText('second of mine');
  await press('Escape');
  await second.focus();
  await press('e');
  await expect(alice.composer).toHaveValue('second of mine');
  await alice.page.keyboard.type(', edited');
  await press('Enter');
  await expect(alice.composer).toHaveValue('');
  const edited = alice.bubble('second of mine, edited');
  await edited.focus();
  await press('+');
  await expect(alice.page.getByRole('menuitem', { name: '👍' })).toBeFocused();
  await press('Enter');
  await expect(bob.bubble('second of mine, edited').getByRole('button', { name: '👍 1' })).toBeVisible();
  await expect(edited).toBeFocused();
  await press('Delete');
  await expect(alice.page.getByRole('alertdialog')).toBeVisible();
  await press('Escape');
  await expect(alice.page.getByRole('alertdialog')).toBeHidden();
  await expect(edited).toBeFocused();
  await press('Delete');
  await alice.page.getByRole('alertdialog').getByRole('button', { name: alice.t('message.recall') }).press('Enter');
  await expect(bob.page.getByText(bob.t('message.recalledOther', { name: 'Alice Wren' }))).toBeVisible();
  expect(await alice.page.evaluate(() => document.activeElement?.textContent)).toContain(alice.t('message.recalledOwn'));
});

test('the focus is not lost when the list moves or a message is taken back under it', async () => {
  await alice.open(bob);
  await bob.say('soon gone');
  await alice.bubble('soon gone').focus();
  await bob.page.getByRole('log').focus();
  await bob.page.keyboard.press('End');
  await bob.page.keyboard.press('Delete');
  await bob.page.getByRole('alertdialog').getByRole('button', { name: bob.t('message.recall') }).press('Enter');
  await expect(alice.bubble('soon gone')).toHaveCount(0);
  await expect.poll(() => alice.page.evaluate(() => document.activeElement?.closest('[role="log"]') !== null)).toBe(true);
  // Under the pointer the list would stand still.
  await alice.page.mouse.move(1_000, 300);
  await alice.line(cleo).focus();
  await expect(alice.page.locator('[data-conversation]').last()).toBeFocused();
  await cleo.say('Up with this line');
  await expect(alice.page.locator('[data-conversation]').first()).toContainText('Zoé');
  await expect(alice.line(cleo)).toBeFocused();
  await press('Enter');
  await expect(alice.page.getByRole('heading', { level: 1, name: 'Zoé 李小波' })).toBeVisible();
});

test('nothing above broke the policy of the page', () => {
  expect([...alice.complaints, ...bob.complaints, ...cleo.complaints]).toEqual([]);
});
