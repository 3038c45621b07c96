// SPDX-License-Identifier: Apache-2.0
// What people do with their account: signing up and in by phone, passwords, sessions, deletion. The codes are
// read from the log of the program, as a developer reads them.
import { expect, test, type Browser } from '@playwright/test';
import { look } from './lib/look';
import { Person, unique } from './lib/person';
import { servers, type Servers } from './lib/servers';

const NEW_PASSWORD = 'tall-ships-and-loud-harbours';

let running: Servers;

test.beforeAll(async () => {
  running = await servers(1);
});

test.afterAll(() => running?.close());

test.beforeEach(() => test.skip(!running.code, 'needs the log of the program'));

let nth = Math.floor(Math.random() * 9_000);

/** A mobile number that no other test of this run uses; its last four digits find the code in the log. */
function phoneNumber(): string {
  nth = (nth + 7) % 10_000;
  return `+861380013${String(nth).padStart(4, '0')}`;
}

async function person(browser: Browser, name: string, locale: 'en' | 'zh-CN' = 'en'): Promise<Person> {
  return Person.create(browser, running.urls[0]!, unique(name), `${name} Wren`, { locale });
}

/** Two friends in their conversation. */
async function friends(browser: Browser): Promise<[Person, Person]> {
  const [alice, bob] = [await person(browser, 'alice'), await person(browser, 'bob')];
  await alice.signUp();
  await bob.signUp();
  await alice.askToBeFriend(bob, 'hello');
  await bob.accept(alice);
  return [alice, bob];
}

/** Asks for a code with the button of the open form and types what the log says. */
async function takeCode(who: Person, phone: string, from = who.page.locator('body')): Promise<void> {
  const sent = running.code!(phone);
  await from.getByRole('button', { name: new RegExp(`^(${who.t('code.send')}|${who.t('code.sendAgain')})$`) }).click();
  await from.getByLabel(who.t('code.label'), { exact: true }).fill(await sent);
}

async function atHome(who: Person): Promise<void> {
  await expect(who.page.getByRole('heading', { level: 1, name: who.t('nav.chats') })).toBeVisible();
}

async function signOut(who: Person): Promise<void> {
  await who.page.goto(`${who.base}/settings`);
  await who.page.getByRole('button', { name: who.t('settings.signOut'), exact: true }).click();
  await who.page.getByRole('alertdialog').getByRole('button', { name: who.t('settings.signOut'), exact: true }).click();
  await expect(who.page.getByRole('heading', { name: who.t('auth.signInTitle') })).toBeVisible();
}

test('somebody signs up by phone, signs in by code again, and sets the first password', async ({ browser }) => {
  test.setTimeout(240_000);
  const phone = phoneNumber();
  const li = await person(browser, 'li', 'zh-CN');
  const { page } = li;

  await page.goto(`${li.base}/signup`);
  await page.getByRole('button', { name: li.t('auth.byPhone') }).click();
  await page.getByLabel(li.t('phone.label'), { exact: true }).fill('138 0013');
  await page.getByRole('button', { name: li.t('code.send') }).click();
  await expect(page.getByText(li.t('field.phoneShape'))).toBeVisible();
  await expect(page.getByLabel(li.t('phone.label'), { exact: true })).toBeFocused();
  // Somebody in China types no country code.
  await page.getByLabel(li.t('phone.label'), { exact: true }).fill(phone.slice(3));
  await page.getByLabel(li.t('auth.nicknameOptional')).fill('李小波');
  await takeCode(li, phone);
  await expect(page.getByRole('button', { name: /后可重发/ })).toBeVisible();
  const right = await page.getByLabel(li.t('code.label'), { exact: true }).inputValue();
  await page.getByLabel(li.t('code.label'), { exact: true }).fill(right === '000000' ? '111111' : '000000');
  await page.getByRole('button', { name: li.t('auth.signUp') }).click();
  await expect(page.getByText(li.t('error.CODE_INVALID'))).toBeVisible();
  // A text that holds the code is as good as the code.
  await page.getByLabel(li.t('code.label'), { exact: true }).fill(`Parley 验证码：${right}，五分钟内有效`);
  await expect(page.getByLabel(li.t('code.label'), { exact: true })).toHaveValue(right);
  await page.getByRole('button', { name: li.t('auth.signUp') }).click();
  await atHome(li);

  await signOut(li);
  await page.getByRole('button', { name: li.t('auth.byPhone') }).click();
  await page.getByLabel(li.t('phone.label'), { exact: true }).fill(phone);
  // The number had a code within the last minute: the form says how long to wait, and asks when that is over.
  await page.getByRole('button', { name: li.t('code.send') }).click();
  await expect(page.getByRole('button', { name: /后可重发/ })).toBeVisible();
  await expect(page.getByRole('button', { name: li.t('code.send') })).toBeVisible({ timeout: 90_000 });
  await takeCode(li, phone);
  await page.getByRole('button', { name: li.t('auth.signIn'), exact: true }).click();
  await atHome(li);

  await page.goto(`${li.base}/settings`);
  await expect(page.getByText(li.t('account.noPassword'))).toBeVisible();
  await page.getByRole('button', { name: li.t('account.setPassword') }).click();
  await page.getByLabel(li.t('password.new'), { exact: true }).fill('12345678');
  await page.getByRole('button', { name: li.t('account.setPassword') }).click();
  await expect(page.getByText(li.t('error.PASSWORD_TOO_COMMON'))).toBeVisible();
  await page.getByLabel(li.t('password.new'), { exact: true }).fill(NEW_PASSWORD);
  await page.getByRole('button', { name: li.t('account.setPassword') }).click();
  await expect(page.getByText(li.t('account.passwordChanged'))).toBeVisible();
  expect(li.complaints).toEqual([]);
  await li.context.close();
});

test('a number without an account says so, and leads to signing up', async ({ browser }) => {
  const phone = phoneNumber();
  const guest = await person(browser, 'guest');
  await guest.page.goto(`${guest.base}/signin`);
  await guest.page.getByRole('button', { name: guest.t('auth.byPhone') }).click();
  await guest.page.getByLabel(guest.t('phone.label'), { exact: true }).fill(phone);
  await takeCode(guest, phone);
  await guest.page.getByRole('button', { name: guest.t('auth.signIn'), exact: true }).click();
  await expect(guest.page.getByText(guest.t('error.PHONE_NOT_REGISTERED'))).toBeVisible();
  await guest.page.getByRole('link', { name: guest.t('phone.signUpInstead') }).click();
  await expect(guest.page.getByRole('heading', { name: guest.t('auth.signUpTitle') })).toBeVisible();
  await expect(guest.page.getByLabel(guest.t('phone.label'), { exact: true })).toHaveValue(phone);
  expect(guest.complaints).toEqual([]);
  await guest.context.close();
});

test('a phone is added, found by its number once allowed, and resets a forgotten password', async ({ browser }) => {
  test.setTimeout(240_000);
  const phone = phoneNumber();
  const [alice, bob] = [await person(browser, 'alice'), await person(browser, 'bob')];
  await alice.signUp();
  await bob.signUp();

  await test.step('the number needs the password and a code', async () => {
    await alice.page.goto(`${alice.base}/settings`);
    await alice.page.getByRole('button', { name: alice.t('account.addPhone') }).click();
    await alice.page.getByLabel(alice.t('password.current'), { exact: true }).fill('not the password');
    await alice.page.getByLabel(alice.t('account.newPhone')).fill(phone);
    await takeCode(alice, phone);
    await alice.page.getByRole('button', { name: alice.t('account.savePhone') }).click();
    await expect(alice.page.getByText(alice.t('error.PASSWORD_WRONG'))).toBeVisible();
    await alice.page.getByLabel(alice.t('password.current'), { exact: true }).fill(alice.password);
    await alice.page.getByRole('button', { name: alice.t('account.savePhone') }).click();
    await expect(alice.page.getByText(/All other devices were signed out/)).toBeVisible();
  });

  const search = async () => {
    await bob.page.goto(`${bob.base}/contacts/find`);
    await bob.page.getByRole('searchbox').fill(phone);
    await bob.page.getByRole('button', { name: bob.t('contacts.searchButton') }).click();
  };
  await test.step('nobody finds her before she allows it', async () => {
    await search();
    await expect(bob.page.getByText(bob.t('contacts.noPhoneHitHint'))).toBeVisible();
    await alice.page.getByRole('switch', { name: alice.t('privacy.findable') }).click();
    await expect(alice.page.getByRole('switch', { name: alice.t('privacy.findable') })).toBeChecked();
    await alice.page.reload();
    await expect(alice.page.getByRole('switch', { name: alice.t('privacy.findable') })).toBeChecked();
    await search();
    await expect(bob.page.getByRole('button', { name: bob.t('contacts.addWho', { name: alice.nickname }) })).toBeVisible();
    expect(await bob.page.content()).not.toContain(phone.slice(3, 10));
  });

  await test.step('the forgotten password is replaced, which ends her session', async () => {
    const other = await Person.create(browser, alice.base, alice.username, alice.nickname);
    await other.page.goto(`${other.base}/signin`);
    await other.page.getByRole('link', { name: other.t('auth.forgot') }).click();
    await other.page.getByLabel(other.t('phone.label'), { exact: true }).fill(phone);
    await other.page.getByLabel(other.t('password.new'), { exact: true }).fill(NEW_PASSWORD);
    await other.page.getByRole('button', { name: other.t('code.send') }).click();
    // The number had a code within the last minute: first the form says how long to wait.
    await expect(other.page.getByRole('button', { name: /^Again in / })).toBeVisible();
    await expect(other.page.getByRole('button', { name: other.t('code.send') })).toBeVisible({ timeout: 90_000 });
    await takeCode(other, phone);
    await other.page.getByRole('button', { name: other.t('reset.action') }).click();
    await expect(other.page.getByText(other.t('reset.done'))).toBeVisible();
    await expect(alice.page.getByText(alice.t('ended.revoked'))).toBeVisible();
    await other.trySignIn(NEW_PASSWORD);
    await atHome(other);
    await alice.trySignIn(alice.password);
    await expect(alice.page.getByText(alice.t('error.INVALID_CREDENTIALS'))).toBeVisible();
    expect(other.complaints).toEqual([]);
    await other.context.close();
  });
  for (const one of [alice, bob]) {
    expect(one.complaints).toEqual([]);
    await one.context.close();
  }
});

test('a session that is revoked while chatting says why, and keeps what was written', async ({ browser }) => {
  const [alice, bob] = await friends(browser);
  await alice.open(bob);
  await alice.say('Hello.');
  await bob.open(alice);
  await bob.sees(['Hello.']);
  const other = await Person.create(browser, alice.base, alice.username, alice.nickname);
  await other.signIn();

  await alice.context.setOffline(true);
  await alice.say('Written without a network.');
  await alice.composer.fill('Half a thought');
  await other.page.goto(`${other.base}/settings`);
  await other.page.getByRole('button', { name: other.t('account.changePassword') }).click();
  await other.page.getByLabel(other.t('password.current'), { exact: true }).fill(alice.password);
  await other.page.getByLabel(other.t('password.new'), { exact: true }).fill(NEW_PASSWORD);
  await other.page.getByRole('button', { name: other.t('account.changePassword') }).click();
  await expect(other.page.getByText(other.t('account.passwordChanged'))).toBeVisible();
  await alice.context.setOffline(false);

  await expect(alice.page.getByText(alice.t('ended.revoked'))).toBeVisible({ timeout: 45_000 });
  await expect(alice.page.getByText(alice.t('ended.revokedCause'))).toBeVisible();
  await expect(alice.page.getByText(alice.t('ended.signInKept'))).toBeVisible();
  await alice.trySignIn(NEW_PASSWORD);
  await atHome(alice);
  await alice.open(bob);
  await expect(alice.composer).toHaveValue('Half a thought');
  await alice.sees(['Hello.', 'Written without a network.']);
  await bob.sees(['Hello.', 'Written without a network.']);
  for (const one of [alice, bob, other]) {
    expect(one.complaints).toEqual([]);
    await one.context.close();
  }
});

test('all other devices are signed out at once', async ({ browser }) => {
  const alice = await person(browser, 'alice');
  await alice.signUp();
  const others = [];
  for (let i = 0; i < 2; i++) {
    const other = await Person.create(browser, alice.base, alice.username, alice.nickname);
    await other.signIn();
    others.push(other);
  }
  await alice.page.goto(`${alice.base}/settings`);
  await expect(alice.page.getByText(/from (127\.0\.0\.1|::1)/)).toHaveCount(3);
  await alice.page.getByRole('button', { name: alice.t('settings.endOthers') }).click();
  await alice.page.getByRole('alertdialog').getByRole('button', { name: alice.t('settings.endOthers') }).click();
  await expect(alice.page.getByText('2 devices were signed out.')).toBeVisible();
  for (const other of others) {
    await expect(other.page.getByText(other.t('ended.revoked'))).toBeVisible();
    await other.context.close();
  }
  await expect(alice.page.getByRole('button', { name: alice.t('settings.endOthers') })).toBeHidden();
  expect(alice.complaints).toEqual([]);
  await alice.context.close();
});

test('a username is changed once, and waits for the next time', async ({ browser }) => {
  const alice = await person(browser, 'alice');
  await alice.signUp();
  const { page } = alice;
  await page.goto(`${alice.base}/settings`);
  await page.getByRole('button', { name: alice.t('account.changeUsername') }).click();
  await page.getByLabel(alice.t('account.newUsername')).fill('admin');
  await page.getByRole('button', { name: alice.t('settings.save') }).last().click();
  await expect(page.getByText(alice.t('error.USERNAME_TAKEN'))).toBeVisible();
  const name = unique('wren');
  await page.getByLabel(alice.t('account.newUsername')).fill(name);
  await page.getByLabel(alice.t('account.newUsername')).press('Enter');
  await expect(page.getByText(`@${name}`)).toBeVisible();
  await expect(page.getByText(/Can be changed again from/)).toBeVisible();
  await expect(page.getByRole('button', { name: alice.t('account.changeUsername') })).toBeHidden();
  expect(alice.complaints).toEqual([]);
  await alice.context.close();
});

test('the one-time link makes somebody the administrator, once, after they have signed up', async ({ browser }) => {
  await expect.poll(() => running.link!()).toBeDefined();
  const link = running.link!()!;
  const owner = await person(browser, 'owner');
  await owner.page.goto(link);
  await expect(owner.page.getByText(owner.t('administrator.signInFirst'))).toBeVisible();
  expect(owner.page.url()).not.toContain('parley_a1_');
  await look(owner.page, 'administrator-signed-out');
  await owner.page.getByRole('link', { name: owner.t('auth.signUp') }).click();
  await owner.page.getByLabel(owner.t('auth.username'), { exact: true }).fill(owner.username);
  await owner.page.getByLabel(owner.t('auth.nickname'), { exact: true }).fill(owner.nickname);
  await owner.page.getByLabel(owner.t('auth.password'), { exact: true }).fill(owner.password);
  await owner.page.getByRole('button', { name: owner.t('auth.signUp') }).click();
  await expect(owner.page.getByRole('heading', { name: owner.t('administrator.title') })).toBeVisible();
  await look(owner.page, 'administrator');
  await owner.page.getByRole('button', { name: owner.t('administrator.action') }).click();
  await expect(owner.page.getByRole('heading', { name: owner.t('administrator.done') })).toBeVisible();
  await look(owner.page, 'administrator-done');

  const late = await person(browser, 'late');
  await late.signUp();
  await late.page.goto(`${late.base}/${new URL(link).hash}`);
  await late.page.getByRole('button', { name: late.t('administrator.action') }).click();
  await expect(late.page.getByRole('heading', { name: late.t('administrator.refused') })).toBeVisible();
  for (const one of [owner, late]) {
    expect(one.complaints).toEqual([]);
    await one.context.close();
  }
});

test('an account is deleted after its owner has proved and typed it; its devices forget it', async ({ browser }) => {
  const [alice, bob] = await friends(browser);
  await alice.open(bob);
  await alice.say('Goodbye.');
  await bob.open(alice);
  await bob.sees(['Goodbye.']);
  const other = await Person.create(browser, alice.base, alice.username, alice.nickname);
  await other.signIn();
  await other.open(bob);

  const { page } = alice;
  await page.goto(`${alice.base}/settings`);
  await page.getByRole('button', { name: alice.t('deletion.start') }).click();
  await expect(page.getByText(alice.t('deletion.messages'))).toBeVisible();
  await page.getByRole('button', { name: alice.t('deletion.action') }).click();
  await expect(page.getByText(alice.t('field.required'))).toBeVisible();
  await page.getByLabel(alice.t('password.current'), { exact: true }).fill('not the password');
  await page.getByLabel(alice.t('deletion.type', { username: alice.username })).fill(alice.username);
  await page.getByRole('button', { name: alice.t('deletion.action') }).click();
  await expect(page.getByText(alice.t('error.PASSWORD_WRONG'))).toBeVisible();
  await page.getByLabel(alice.t('password.current'), { exact: true }).fill(alice.password);
  await page.getByRole('button', { name: alice.t('deletion.action') }).click();
  for (const device of [alice, other]) {
    await expect(device.page.getByText(device.t('ended.deleted'))).toBeVisible();
    await expect.poll(() => kept(device)).toBe(0);
  }
  await alice.trySignIn(alice.password);
  await expect(page.getByText(alice.t('error.INVALID_CREDENTIALS'))).toBeVisible();
  await bob.page.reload();
  await bob.sees(['Goodbye.']);
  await expect(bob.page.getByText(bob.t('chat.deleted')).first()).toBeVisible();
  for (const one of [alice, bob, other]) {
    expect(one.complaints).toEqual([]);
    await one.context.close();
  }
});

/** How many things a browser still keeps of the accounts that it had. */
function kept(who: Person): Promise<number> {
  return who.page.evaluate(async () => {
    let count = 0;
    for (const { name } of await indexedDB.databases()) {
      const db = await new Promise<IDBDatabase>((done, fail) => {
        const open = indexedDB.open(name!);
        open.onsuccess = () => done(open.result);
        open.onerror = () => fail(open.error);
      });
      for (const store of db.objectStoreNames) {
        count += await new Promise<number>((done, fail) => {
          const request = db.transaction(store).objectStore(store).count();
          request.onsuccess = () => done(request.result);
          request.onerror = () => fail(request.error);
        });
      }
      db.close();
    }
    return count + Object.keys(localStorage).filter((key) => key.startsWith('parley.journal') || key === 'parley.login').length;
  });
}
