// SPDX-License-Identifier: Apache-2.0
import { expect, test } from '@playwright/test';
import { look } from './lib/look';
import { Person, unique } from './lib/person';
import { colourOf, picture } from './lib/picture';
import { servers, type Servers } from './lib/servers';

let running: Servers;
test.beforeAll(async () => {
  running = await servers(1);
});
test.afterAll(() => running?.close());

const TEAM = '码头 harbour team';

function line(person: Person, name: string) {
  return person.page.locator('[data-conversation]').filter({ hasText: name });
}

/** The id of the conversation that is open. */
function conversation(person: Person): string {
  return new URL(person.page.url()).pathname.slice('/c/'.length);
}

async function details(person: Person, name: string) {
  await person.page.getByRole('button', { name: person.t('group.detailsOf', { name }) }).click();
  return person.page.getByRole('dialog');
}

test('three people make a group, talk in it, and one leaves', async ({ browser }) => {
  const base = running.urls[0]!;
  const alice = await Person.create(browser, base, unique('alice'), 'Alice Wren', { locale: 'en' });
  const bob = await Person.create(browser, base, unique('bob'), '小波', { locale: 'zh-CN', theme: 'dark', width: 375, height: 720 });
  const cleo = await Person.create(browser, base, unique('cleo'), 'Cleo Marsh', { locale: 'en', theme: 'dark' });
  for (const person of [alice, bob, cleo]) await person.signUp();
  for (const person of [bob, cleo]) {
    await alice.askToBeFriend(person, '');
    await person.accept(alice);
  }

  await test.step('the group is made and shows on every screen', async () => {
    await alice.page.goto(`${base}/`);
    await expect(alice.line(cleo)).toBeVisible();
    await alice.page.getByRole('button', { name: alice.t('group.new') }).click();
    const dialog = alice.page.getByRole('dialog');
    await look(alice.page, 'new-group');
    await dialog.getByLabel(alice.t('group.name')).fill(TEAM);
    for (const person of [bob, cleo]) await dialog.getByRole('checkbox', { name: person.nickname }).check();
    await dialog.getByRole('button', { name: alice.t('group.create') }).click();
    await expect(alice.composer).toBeVisible();
    await expect(alice.page.getByText('3 members')).toBeVisible();
    await expect(alice.page.getByRole('log').getByText(`You made the group “${TEAM}” with`)).toBeVisible();
    for (const person of [bob, cleo]) {
      await person.page.goto(`${base}/`);
      await line(person, TEAM).click();
      await expect(person.composer).toBeVisible();
    }
    await expect(bob.page.getByRole('log').getByText(`创建了群聊“${TEAM}”`)).toBeVisible();
  });

  await test.step('all hear all, and see who says what', async () => {
    await alice.say('Hello to both of you');
    await bob.say('大家好');
    for (const person of [alice, bob, cleo]) await person.sees(['Hello to both of you', '大家好']);
    await expect(cleo.bubble('大家好').locator('.sender')).toHaveText('小波');
    await expect(bob.bubble('Hello to both of you').locator('.sender')).toHaveText('Alice Wren');
    await look(cleo.page, 'group-dark');
    await look(alice.page, 'group-light');
    await look(bob.page, 'group-narrow');
  });

  await test.step('a mention is picked from the list, also inside a sentence, and reaches its person', async () => {
    const team = line(cleo, TEAM);
    await cleo.page.goto(`${base}/c/0199a7f0-0000-7000-8000-000000000001`);
    await expect(team).toBeVisible();
    await bob.composer.pressSequentially('请＠cl');
    const people = bob.page.getByRole('listbox', { name: bob.t('composer.mention') });
    await expect(people.getByRole('option')).toHaveText([/Cleo Marsh/]);
    await look(bob.page, 'mention-narrow');
    await bob.composer.press('Enter');
    await expect(bob.composer).toHaveValue('请@Cleo Marsh ');
    await bob.composer.pressSequentially('看');
    await bob.composer.press('Enter');
    await expect(bob.page.locator('.text').last()).toHaveText('请@Cleo Marsh 看');
    await expect(team.getByText(cleo.t('list.mentioned'))).toBeAttached();
    await expect(team).toContainText('小波: 请@Cleo Marsh 看');
    await team.click();
    await expect(cleo.page.locator('.mentioned .mention.me')).toHaveText('@Cleo Marsh');
    await expect(team.getByText(cleo.t('list.mentioned'))).toHaveCount(0);
    await alice.composer.pressSequentially('@');
    await expect(alice.page.getByRole('option')).toHaveText([/小波/, /Cleo Marsh/, /all/]);
    await look(alice.page, 'mention');
    await alice.composer.press('Escape');
    await expect(alice.page.getByRole('option')).toHaveCount(0);
    await alice.composer.fill('');
    await cleo.page.locator('[data-seq]').last().focus();
    await cleo.page.keyboard.press('Enter');
    await cleo.page.keyboard.press('Escape');
    await bob.composer.press('ArrowUp');
    await expect(bob.composer).toHaveValue('请@Cleo Marsh 看');
    await bob.composer.press('Escape');
    await look(cleo.page, 'mentioned-dark');
  });

  await test.step('what is said is forwarded, and only who was there sees from where', async () => {
    const { page } = alice;
    const log = page.getByRole('log');
    await alice.bubble('Hello to both of you').click({ button: 'right' });
    await page.getByRole('menuitem', { name: alice.t('message.choose') }).click();
    await log.getByRole('checkbox').nth(1).check();
    await expect(page.getByText('2 messages are chosen')).toBeVisible();
    await look(page, 'forward-choose');
    await page.getByRole('toolbar').getByRole('button', { name: alice.t('message.forward') }).click();
    const dialog = page.getByRole('dialog');
    await expect(dialog.getByRole('searchbox')).toBeFocused();
    await look(page, 'forward-targets');
    // By keys alone: look for, choose, send.
    await page.keyboard.type('cleo');
    await expect(dialog.getByRole('checkbox')).toHaveCount(1);
    await page.keyboard.press('Enter');
    await expect(dialog.getByRole('checkbox', { checked: true })).toHaveCount(1);
    await page.keyboard.press('Enter');
    await expect(dialog).toBeHidden();
    await alice.sees(['Hello to both of you', '大家好']);
    await expect(alice.bubble('大家好')).toContainText(`Forwarded from 小波`);
    await look(page, 'forwarded');

    const direct = cleo.page.locator(`[data-conversation="${new URL(page.url()).pathname.slice(3)}"]`);
    await direct.click();
    await cleo.sees(['Hello to both of you', '大家好']);
    await cleo.bubble('大家好').getByRole('button', { name: 'Forwarded from 小波' }).click();
    await expect(cleo.page.locator('.row.found')).toContainText('大家好');
    await expect(cleo.page.getByRole('heading', { level: 1, name: TEAM })).toBeVisible();

    await bob.page.goBack();
    await bob.open(alice);
    await bob.say('只跟你说');
    await bob.bubble('只跟你说').click({ button: 'right' });
    await bob.page.getByRole('menuitem', { name: bob.t('message.forward'), exact: true }).click();
    await bob.page.getByRole('dialog').getByRole('checkbox', { name: TEAM }).check();
    await look(bob.page, 'forward-narrow');
    await bob.page.getByRole('dialog').getByRole('button', { name: '转发给 1 个对话' }).click();
    await expect(bob.bubble('只跟你说').getByRole('button', { name: '转发自我' })).toBeVisible();
    await expect(cleo.bubble('只跟你说')).toContainText(cleo.t('message.forwarded'));
    await expect(cleo.bubble('只跟你说').getByRole('button', { name: 'Forwarded from' })).toHaveCount(0);
    await line(alice, TEAM).click();
    await expect(alice.bubble('只跟你说').getByRole('button', { name: 'Forwarded from 小波' })).toBeVisible();
    await look(bob.page, 'forwarded-narrow');
    await look(cleo.page, 'forwarded-dark');
  });

  await test.step('the owner gives a role, an admin removes a message and renames', async () => {
    const dialog = await details(alice, TEAM);
    await expect(dialog.getByText(alice.t('group.owner'), { exact: true })).toBeVisible();
    await dialog.getByRole('button', { name: alice.t('group.actions', { name: cleo.nickname }) }).click();
    await look(alice.page, 'group-details');
    await alice.page.getByRole('menuitem', { name: alice.t('group.makeAdmin') }).click();
    await expect(dialog.getByText(alice.t('group.admin'), { exact: true })).toBeVisible();
    await dialog.getByRole('button', { name: alice.t('nav.close') }).click();
    await expect(cleo.page.getByRole('log').getByText('Alice Wren made you an admin')).toBeVisible();
    await cleo.bubble('大家好').click({ button: 'right' });
    await cleo.page.getByRole('menuitem', { name: cleo.t('message.recall') }).click();
    await cleo.page.getByRole('alertdialog').getByRole('button', { name: cleo.t('message.recall') }).click();
    await expect(bob.page.getByRole('log').getByText(bob.t('message.removed', { name: 'Cleo Marsh', sender: '小波' }))).toBeVisible();
    const panel = await details(cleo, TEAM);
    await panel.getByLabel(cleo.t('group.rename')).fill('Night shift');
    await panel.getByRole('button', { name: cleo.t('settings.save') }).click();
    await expect(bob.page.getByRole('heading', { level: 1, name: 'Night shift' })).toBeVisible();
    await look(cleo.page, 'group-details-dark');
    await cleo.page.keyboard.press('Escape');
  });

  await test.step('the group gets a picture, another one, and none', async () => {
    const { page } = alice;
    const dialog = await details(alice, 'Night shift');
    await cleo.page.goto(`${base}/c/0199a7f0-0000-7000-8000-000000000001`); // elsewhere: nothing but the list tells
    const shown = line(cleo, 'Night shift').locator('img');
    await expect(line(cleo, 'Night shift')).toBeVisible();
    await expect(shown).toHaveCount(0);
    const choose = async (button: string, colour: string) => {
      const chooser = page.waitForEvent('filechooser');
      await dialog.getByRole('button', { name: button }).click();
      await (await chooser).setFiles({ name: 'team.png', mimeType: 'image/png', buffer: await picture(page, 400, 300, [colour, colour]) });
      return page.getByRole('dialog', { name: alice.t('avatar.crop') });
    };
    const isSeen = (person: Person, where: string, [red, green, blue]: [number, number, number]) =>
      expect
        .poll(async () => {
          const seen = (await colourOf(person.page, where)) ?? [999, 999, 999]; // thumbnails are not exact
          return Math.max(Math.abs(seen[0]! - red), Math.abs(seen[1]! - green), Math.abs(seen[2]! - blue));
        })
        .toBeLessThan(12);

    const crop = await choose(alice.t('avatar.choose'), 'rgb(0, 128, 128)');
    for (const theme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme: theme });
      await look(page, `group-crop-${theme}`);
    }
    await crop.getByRole('button', { name: alice.t('avatar.save') }).click();
    await expect(crop).toBeHidden();
    await isSeen(cleo, `[data-conversation="${conversation(alice)}"] img`, [0, 128, 128]);
    await isSeen(bob, 'header .avatar img', [0, 128, 128]);
    await expect(bob.page.getByRole('log').getByText('Alice Wren更换了群头像')).toHaveCount(1);
    for (const theme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme: theme });
      await look(page, `group-picture-${theme}`);
    }

    const again = await choose(alice.t('avatar.change'), 'rgb(250, 128, 114)');
    await again.getByRole('button', { name: alice.t('avatar.save') }).click();
    await isSeen(cleo, `[data-conversation="${conversation(alice)}"] img`, [250, 128, 114]);

    // Bob is a plain member: he sees it, and has nothing to change it with.
    const panel = await details(bob, 'Night shift');
    await expect(panel.getByRole('button', { name: bob.t('group.leave') })).toBeVisible();
    for (const key of ['avatar.choose', 'avatar.change', 'avatar.remove'] as const) await expect(panel.getByRole('button', { name: bob.t(key) })).toHaveCount(0);
    await expect(panel.locator('input[type=file]')).toHaveCount(0);
    await bob.page.keyboard.press('Escape');

    await dialog.getByRole('button', { name: alice.t('avatar.remove') }).click();
    await expect(dialog.locator('.change img')).toHaveCount(0);
    await expect(dialog.getByRole('button', { name: alice.t('avatar.choose') })).toBeVisible();
    await expect(shown).toHaveCount(0);
    await expect(bob.page.locator('header .avatar img')).toHaveCount(0);
    await page.keyboard.press('Escape');
    await line(cleo, 'Night shift').click();
  });

  await test.step('they answer, edit, react and take back, and all three see it', async () => {
    await cleo.bubble('Hello to both of you').click({ button: 'right' });
    await cleo.page.getByRole('menuitem', { name: cleo.t('message.reply') }).click();
    await cleo.say('Hello bakc');
    for (const person of [alice, bob]) await expect(person.bubble('Hello bakc').locator('.quote')).toContainText('Hello to both of you');
    await cleo.composer.press('ArrowUp');
    await cleo.composer.fill('Hello back');
    await cleo.composer.press('Enter');
    for (const person of [alice, bob]) await expect(person.bubble('Hello back').getByText(person.t('message.edited'), { exact: true })).toBeVisible();
    await bob.bubble('Hello back').click({ button: 'right' });
    await bob.page.getByRole('menuitem', { name: bob.t('message.react') }).click();
    await bob.page.getByRole('menuitem', { name: '🎉' }).click();
    await alice.bubble('Hello back').getByRole('button', { name: '🎉 1' }).click();
    await expect(cleo.bubble('Hello back').getByRole('button', { name: '🎉 2' })).toBeVisible();
    await look(alice.page, 'group-answer');
    await look(bob.page, 'group-answer-narrow');
    await cleo.bubble('Hello back').focus();
    await cleo.page.keyboard.press('Delete');
    await cleo.page.getByRole('alertdialog').getByRole('button', { name: cleo.t('message.recall') }).click();
    for (const person of [alice, bob]) await expect(person.page.getByText(person.t('message.recalledOther', { name: 'Cleo Marsh' }))).toBeVisible();
    for (const person of [alice, bob, cleo]) await person.sees(['Hello to both of you', '请@Cleo Marsh 看', '只跟你说']);
  });

  await test.step('a block between two of them changes nothing in the group', async () => {
    await alice.line(bob).filter({ hasNotText: 'Night shift' }).click();
    await alice.page.getByRole('button', { name: alice.t('details.of', { name: bob.nickname }) }).click();
    await alice.page.getByRole('dialog').getByRole('button', { name: alice.t('contacts.blockWho', { name: bob.nickname }) }).click();
    await alice.page.getByRole('alertdialog').getByRole('button', { name: alice.t('contacts.block'), exact: true }).click();
    await expect(alice.page.getByText(alice.t('chat.blocked', { name: bob.nickname }))).toBeVisible();
    await line(alice, 'Night shift').click();
    await bob.say('还在');
    for (const person of [alice, bob, cleo]) await person.sees(['Hello to both of you', '请@Cleo Marsh 看', '只跟你说', '还在']);
  });

  await test.step('who leaves reads on, and hears nothing more', async () => {
    const dialog = await details(bob, 'Night shift');
    await look(bob.page, 'group-details-narrow');
    await dialog.getByRole('button', { name: bob.t('group.leave') }).click();
    await bob.page.getByRole('alertdialog').getByRole('button', { name: bob.t('group.leave') }).click();
    await expect(bob.page.getByText(bob.t('group.left'))).toBeVisible();
    await expect(alice.page.getByRole('log').getByText('小波 left the group')).toBeVisible();
    await expect(alice.page.getByText('2 members', { exact: true })).toBeVisible();
    await alice.say('Just us now');
    await cleo.sees(['Hello to both of you', '请@Cleo Marsh 看', '只跟你说', '还在', 'Just us now']);
    await bob.page.reload();
    await bob.sees(['Hello to both of you', '请@Cleo Marsh 看', '只跟你说', '还在']);
    await look(bob.page, 'group-left');
  });

  await test.step('a dissolved group stays readable', async () => {
    const dialog = await details(alice, 'Night shift');
    await dialog.getByRole('button', { name: alice.t('group.dissolve') }).click();
    await alice.page.getByRole('alertdialog').getByRole('button', { name: alice.t('group.dissolve') }).click();
    await expect(cleo.page.getByText(cleo.t('group.dissolvedHere'))).toBeVisible();
    await cleo.sees(['Hello to both of you', '请@Cleo Marsh 看', '只跟你说', '还在', 'Just us now']);
  });

  for (const person of [alice, bob, cleo]) {
    expect(person.complaints).toEqual([]);
    await person.context.close();
  }
});
