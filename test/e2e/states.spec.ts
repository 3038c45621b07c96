// SPDX-License-Identifier: Apache-2.0
// Screens that few people see, and that must be right when they do: each state in words, in both languages,
// both themes and both widths.
import { expect, test } from '@playwright/test';
import { Account } from './lib/api';
import { lookAll } from './lib/look';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';
import { Wire } from './lib/wire';

/** Close codes and what the sign-in screen says after them; a suspension comes from the server itself. */
const ENDED = [
  [4301, 'SESSION_REVOKED', 'ended.revoked'],
  [4302, 'SESSION_EXPIRED', 'ended.expired'],
  [4304, 'ACCOUNT_DELETED', 'ended.deleted'],
  [4305, 'AUTH_FAILED', 'ended.refusedCause'],
  [4306, 'REPLACED', 'ended.replaced'],
] as const;
const STOPPED = [
  [4402, 'CLIENT_TOO_OLD', 'net.stoppedOld'],
  [4404, 'TOO_MANY_CONNECTIONS', 'net.stoppedTabs'],
  [4409, 'SUPERSEDED', 'net.stoppedElsewhere'],
] as const;
const DAY_MS = 86_400_000;

let running: Servers;
let alice: Account;
let third: Account;

test.beforeAll(async () => {
  running = await servers(1);
  const base = running.urls[0]!;
  alice = await Account.register(base, unique('alice'), 'Alice Wren', 'tall-ships-and-quiet-harbours');
  third = await Account.register(base, unique('maximiliane'), 'Maximiliane von Hohenstein-Witt', 'tall-ships-and-quiet-harbours');
  await alice.befriend(third);
  if (!running.link) return;
  await expect.poll(() => running.link!()).toBeDefined();
  await alice.call('user.v1.AdminService/ClaimAdministrator', { token: running.link()!.split('/').at(-1)! });
});

test.afterAll(() => running?.close());

for (const locale of ['en', 'zh-CN'] as const) {
  test(`states of screens, ${locale}`, async ({ browser }) => {
    test.setTimeout(300_000);
    const guest = await Person.create(browser, running.urls[0]!, unique('guest'), '李小波', { locale });
    const account = await Account.register(guest.base, guest.username, guest.nickname, guest.password);
    const wire = await new Wire().lay(guest.page);
    const { page, t } = { page: guest.page, t: guest.t.bind(guest) };
    const live = async () => {
      // The page before may be connecting still: its connection is not the one that is waited for.
      await page.goto('about:blank');
      const before = wire.opened;
      await page.goto(`${guest.base}/`);
      await expect(page.locator('[data-conversation]').first()).toBeVisible();
      await expect.poll(() => wire.opened).toBeGreaterThan(before);
    };

    await test.step('loading and empty', async () => {
      wire.silence();
      await guest.signIn();
      await expect(page.getByText(t('list.loading'))).toBeAttached();
      await lookAll(page, 'loading');
      await page.goto(`${guest.base}/c/0199a7f0-0000-7000-8000-000000000001`);
      await expect(page.getByText(t('chat.loading')).last()).toBeVisible();
      await lookAll(page, 'loading-conversation');
      wire.open();
      await page.goto(`${guest.base}/`);
      await expect(page.getByText(t('list.empty'))).toBeVisible();
      await lookAll(page, 'empty');
      await page.goto(`${guest.base}/contacts`);
      await expect(page.getByText(t('contacts.noFriends'))).toBeVisible();
      await lookAll(page, 'no-friends');
    });

    const direct = await account.befriend(alice);
    await account.befriend(third);
    const own = await account.group('码头 harbour team', [alice, third]);
    const left = await alice.group('Quay', [account, third]);
    await alice.say(direct, 'Good morning!');

    await test.step('dialogs of a conversation', async () => {
      await page.goto(`${guest.base}/c/${direct}`);
      await expect(guest.bubble('Good morning!')).toBeVisible();
      await page.getByRole('button', { name: t('details.of', { name: alice.nickname }) }).click();
      await expect(page.getByRole('dialog').getByText(t('details.goToDate'))).toBeVisible();
      await lookAll(page, 'details-direct');
      await page.keyboard.press('Escape');
      await guest.bubble('Good morning!').click({ button: 'right' });
      await page.getByRole('menuitem', { name: t('message.forward'), exact: true }).click();
      await page.getByRole('dialog').getByRole('checkbox').first().check();
      await lookAll(page, 'forward');
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+k');
      await expect(page.getByRole('option')).toHaveCount(4);
      await lookAll(page, 'jump');
      await page.keyboard.press('Escape');
    });

    await test.step('groups', async () => {
      await page.goto(`${guest.base}/c/${own}`);
      await page.getByRole('button', { name: t('group.detailsOf', { name: '码头 harbour team' }) }).click();
      await expect(page.getByRole('dialog').getByRole('listitem')).toHaveCount(3);
      await lookAll(page, 'details-group');
      await page.goto(`${guest.base}/c/${left}`);
      await expect(guest.composer).toBeVisible();
      await alice.call('message.v1.ConversationService/RemoveMember', { conversationId: left, userId: account.userId });
      await expect(page.getByText(t('group.left'))).toBeVisible();
      await lookAll(page, 'removed');
    });

    await test.step('offline and stopped', async () => {
      await wire.close();
      await expect(page.getByText(t('net.offline'))).toBeVisible();
      await lookAll(page, 'offline');
      wire.open();
      for (const [code, name, words] of STOPPED) {
        await live();
        await wire.end(code, name);
        await expect(page.getByText(t(words))).toBeVisible();
        await lookAll(page, words);
        await page.getByRole('button', { name: t(code === 4402 ? 'app.reload' : 'chat.tryAgain') }).click();
        await expect(page.getByText(t(words))).toBeHidden();
      }
    });

    await test.step('the invitation to be the administrator', async () => {
      await page.goto(`${guest.base}/#/administrator/parley_a1_of_nobody`);
      await expect(page.getByRole('heading', { name: t('administrator.title') })).toBeVisible();
      await lookAll(page, 'administrator');
      await page.getByRole('button', { name: t('administrator.action') }).click();
      await expect(page.getByRole('heading', { name: t('administrator.refused') })).toBeVisible();
      await lookAll(page, 'administrator-refused');
    });

    await test.step('the session has ended, and why', async () => {
      const login = await page.evaluate(() => localStorage.getItem('parley.login')!);
      for (const [code, name, words] of ENDED) {
        await live();
        await wire.end(code, name);
        await expect(page.getByText(t(words))).toBeVisible();
        await lookAll(page, words);
        await page.evaluate((kept) => localStorage.setItem('parley.login', kept), login);
      }
    });

    await test.step('the account is suspended, and until when', async () => {
      if (!running.link) return;
      const until = Date.now() + 2 * DAY_MS;
      await live();
      await alice.call('user.v1.AdminService/BanUser', { userId: account.userId, reason: 'a test', until });
      await expect(page.getByText(t('ended.suspended'))).toBeVisible();
      await lookAll(page, 'ended.suspended');
      await guest.trySignIn(guest.password);
      const when = await page.evaluate((at) => new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' }).format(at), until);
      await expect(page.getByRole('alert')).toContainText(t('ended.suspendedUntil', { until: when }));
      await lookAll(page, 'suspended-until');
    });

    expect(guest.complaints).toEqual([]);
    await guest.context.close();
  });
}
