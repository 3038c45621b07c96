// SPDX-License-Identifier: Apache-2.0
import { expect, test, type Browser } from '@playwright/test';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';

const SAID = [
  ['alice', 'Hello, this is Alice.'],
  ['bob', '你好，我是小波。'],
  ['alice', 'Did the rollout go well?'],
  ['bob', '很顺利，一条消息也没丢。'],
  ['alice', 'Good. What is next?'],
  ['bob', '明天上午十点开会。'],
  ['alice', 'Ten works for me.'],
  ['bob', '好的，会议室在三楼。'],
  ['alice', 'I bring the coffee ☕'],
  ['bob', '那我带月饼。'],
  ['alice', 'After the reload: still here?'],
  ['bob', '还在，草稿也在。'],
  ['alice', 'One line\nand another one'],
  ['bob', '中文 and English 混排，没有问题。'],
  ['alice', 'Written while the server is away.'],
  ['bob', '服务器回来以后收到的。'],
  ['alice', '<b>not bold</b> & <img src=x onerror=alert(1)>'],
  ['bob', '链接：https://example.com/a，后面还有字'],
  ['alice', 'Nearly done.'],
  ['bob', '第二十条！'],
] as const;

const BOBS_BROWSER = { locale: 'zh-CN', theme: 'dark', width: 375, height: 720 } as const;

/** One address leads to two gateways, each WebSocket to the seat that is its user's home. */
const BY_SEAT = Boolean(process.env.PARLEY_E2E_BY_SEAT);

/** Bob, or somebody like him whose home is another gateway than the other person's. */
async function elsewhere(browser: Browser, bob: Person, other: Person): Promise<Person> {
  for (let tries = 0; tries < 20; tries++) {
    await expect.poll(() => bob.seat).toBeDefined();
    if (bob.seat !== other.seat) return bob;
    await bob.context.close();
    bob = await Person.create(browser, bob.base, unique('bob'), bob.nickname, BOBS_BROWSER);
    await bob.signUp();
  }
  throw new Error('twenty people in a row have the same home');
}

for (const gateways of [1, 2] as const) {
  test.describe(`two people on ${gateways} gateway(s)`, () => {
    let running: Servers;
    test.beforeAll(async () => {
      running = await servers(gateways);
    });
    test.afterAll(() => running?.close());

    test('become friends, talk in two languages through a reload and a restart, and count alike', async ({ browser }) => {
      test.skip(gateways === 2 && running.urls.length < 2 && !BY_SEAT, 'one address is given, two are needed');
      const [one, other] = [running.urls[0]!, running.urls.at(-1)!];
      const alice = await Person.create(browser, one, unique('alice'), 'Alice Wren', { locale: 'en' });
      let bob = await Person.create(browser, other, unique('bob'), '小波', BOBS_BROWSER);

      await test.step('sign up and become friends', async () => {
        await alice.signUp();
        await bob.signUp();
        if (BY_SEAT) {
          await expect.poll(() => alice.seat).toBeDefined();
          bob = await elsewhere(browser, bob, alice);
        }
        await alice.askToBeFriend(bob, '你好！');
        await bob.page.goto(`${bob.base}/contacts/requests`);
        await expect(bob.page.getByText('你好！')).toBeVisible();
        await bob.accept(alice);
      });

      const second = await test.step('a second device of Alice, on the other gateway', async () => {
        const device = await Person.create(browser, other, alice.username, alice.nickname, { locale: 'en' });
        await device.signIn();
        await expect(device.line(bob)).toBeVisible();
        return device;
      });

      const people = { alice, bob };
      const heard: string[] = [];
      const exchange = async (from: number, to: number) => {
        for (const [who, text] of SAID.slice(from, to)) {
          await people[who].say(text);
          heard.push(text);
          await (who === 'alice' ? bob : alice).sees(heard);
        }
      };

      await test.step('twenty messages', async () => {
        await alice.open(bob);
        await bob.open(alice);
        await exchange(0, 10);
        await bob.composer.fill('草稿：还没写完');
        await bob.page.reload();
        await expect(bob.composer).toHaveValue('草稿：还没写完');
        await bob.sees(heard);
        await exchange(10, 14);
        if (running.restart) {
          await running.restart.stop();
          await alice.say(SAID[14][1]);
          await expect(alice.bubble(SAID[14][1]).getByText(alice.t('state.sending'))).toBeAttached();
          await expect(alice.page.getByText(alice.t('net.offline'))).toBeVisible();
          await running.restart.start();
        } else {
          await alice.context.setOffline(true);
          await alice.say(SAID[14][1]);
          await alice.context.setOffline(false);
        }
        heard.push(SAID[14][1]);
        await alice.isLive();
        await bob.isLive();
        await expect.poll(() => bob.texts(), { timeout: 60_000 }).toEqual(heard);
        await exchange(15, 20);
      });

      await test.step('both sides and the second device show the same', async () => {
        await alice.sees(heard);
        await bob.sees(heard);
        await second.open(bob);
        await second.sees(heard);
        await expect(alice.bubble(SAID[18][1]).getByText(alice.t('state.read'))).toBeAttached();
        await second.page.goto(`${second.base}/settings`);
      });

      await test.step('unread numbers and read markers', async () => {
        await bob.page.goto(`${bob.base}/contacts`);
        await alice.say('Are you there?');
        await alice.say('There is cake.');
        heard.push('Are you there?', 'There is cake.');
        await bob.page.goto(`${bob.base}/`);
        await expect(bob.line(alice).getByText('Alice Wren发来 2 条未读消息')).toBeAttached();
        await expect(bob.page).toHaveTitle('(2) Parley');
        await expect(alice.bubble('There is cake.').getByText(alice.t('state.sent'), { exact: true })).toBeAttached();
        await bob.open(alice);
        await expect(bob.page.getByText(bob.t('chat.newLine'), { exact: true })).toBeVisible();
        await expect(alice.bubble('There is cake.').getByText(alice.t('state.read'))).toBeAttached();
        await bob.page.reload();
        await bob.sees(heard);
        await expect(bob.page).toHaveTitle('Parley');
        await alice.page.reload();
        await alice.sees(heard);
        await expect(alice.page).toHaveTitle('Parley');
      });

      await test.step('the end of the friendship closes the conversation for both', async () => {
        await alice.page.goto(`${alice.base}/contacts`);
        await alice.page.getByRole('button', { name: alice.t('contacts.removeWho', { name: bob.nickname }) }).click();
        await alice.page.getByRole('alertdialog').getByRole('button', { name: alice.t('contacts.remove'), exact: true }).click();
        await expect(alice.page.getByText(alice.t('contacts.noFriends'), { exact: true })).toBeVisible();
        await expect(bob.page.getByText(bob.t('chat.readOnly', { name: alice.nickname }))).toBeVisible();
        await bob.sees(heard);
      });

      await test.step('an ended session leaves the device', async () => {
        await alice.page.goto(`${alice.base}/settings`);
        await alice.page.getByRole('button', { name: /^End the session on/ }).click();
        await alice.page.getByRole('alertdialog').getByRole('button', { name: alice.t('settings.endSession'), exact: true }).click();
        await expect(second.page.getByText(second.t('ended.revoked'))).toBeVisible();
      });

      for (const person of [alice, bob, second]) {
        expect(person.complaints).toEqual([]);
        await person.context.close();
      }
    });
  });
}
