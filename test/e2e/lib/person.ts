// SPDX-License-Identifier: Apache-2.0
import { expect, type Browser, type BrowserContext, type Locator, type Page } from '@playwright/test';
import en from '../../../services/gateway/web/src/lib/i18n/en.json' with { type: 'json' };
import zh from '../../../services/gateway/web/src/lib/i18n/zh-Hans.json' with { type: 'json' };

export type Key = keyof typeof en;
export type Look = { width?: number; height?: number; theme?: 'light' | 'dark'; locale?: 'en' | 'zh-CN'; worker?: 'allow' | 'block' };

const PASSWORD = 'tall-ships-and-quiet-harbours';

/** A person with a browser of their own. */
export class Person {
  /** What the page complained about. */
  readonly complaints: string[] = [];
  /** The seat of the last WebSocket, where the way in routes by seat. */
  seat?: string;
  readonly password = PASSWORD;

  private constructor(
    readonly page: Page,
    readonly context: BrowserContext,
    readonly base: string,
    readonly username: string,
    readonly nickname: string,
    private readonly locale: 'en' | 'zh-CN',
  ) {
    page.on('websocket', (socket) => {
      this.seat = /\/v1\/ws\/(\d+)$/.exec(socket.url())?.[1];
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      // Failed connections are told by the browser while a server is away.
      const away = /ERR_|WebSocket connection|Failed to load resource/.test(message.text());
      if (message.type() === 'error' && !away) this.complaints.push(message.text());
    });
    page.on('dialog', (dialog) => {
      this.complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  static async create(browser: Browser, base: string, username: string, nickname: string, look: Look = {}): Promise<Person> {
    const { width = 1280, height = 800, theme = 'light', locale = 'en', worker = 'allow' } = look;
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, locale, reducedMotion: 'reduce', serviceWorkers: worker });
    return new Person(await context.newPage(), context, base, username, nickname, locale);
  }

  /** The text of a key in the language of this browser. */
  t(key: Key, values: Record<string, string> = {}): string {
    const text = (this.locale === 'en' ? en : zh)[key];
    return Object.entries(values).reduce((all, [name, value]) => all.replaceAll(`{${name}}`, value), text);
  }

  async signUp(): Promise<void> {
    await this.page.goto(`${this.base}/signup`);
    await this.page.getByLabel(this.t('auth.username'), { exact: true }).fill(this.username);
    await this.page.getByLabel(this.t('auth.nickname'), { exact: true }).fill(this.nickname);
    await this.page.getByLabel(this.t('auth.password'), { exact: true }).fill(PASSWORD);
    await this.page.getByRole('button', { name: this.t('auth.signUp') }).click();
    await expect(this.page.getByRole('heading', { level: 1, name: this.t('nav.chats') })).toBeVisible();
  }

  async signIn(): Promise<void> {
    await this.trySignIn(PASSWORD);
    await expect(this.page.getByRole('heading', { level: 1, name: this.t('nav.chats') })).toBeVisible();
  }

  async trySignIn(password: string): Promise<void> {
    await this.page.goto(`${this.base}/signin`);
    await this.page.getByLabel(this.t('auth.username'), { exact: true }).fill(this.username);
    await this.page.getByLabel(this.t('auth.password'), { exact: true }).fill(password);
    await this.page.getByRole('button', { name: this.t('auth.signIn') }).click();
  }

  async visit(path: string): Promise<void> {
    const link = this.page.locator(`a[href="${path}"]`).first();
    if (await link.isVisible()) await link.click();
    else await this.page.goto(this.base + path);
  }

  async askToBeFriend(other: Person, note: string): Promise<void> {
    await this.page.goto(`${this.base}/contacts/find`);
    await this.page.getByRole('searchbox').fill(other.username);
    await this.page.getByRole('button', { name: this.t('contacts.searchButton') }).click();
    await this.page.getByRole('button', { name: this.t('contacts.addWho', { name: other.nickname }) }).click();
    await this.page.getByLabel(this.t('contacts.note', { name: other.nickname })).fill(note);
    await this.page.getByRole('button', { name: this.t('contacts.sendRequest') }).click();
    await expect(this.page.getByText(this.t('contacts.waiting'))).toBeVisible();
  }

  async accept(other: Person): Promise<void> {
    await this.page.goto(`${this.base}/contacts/requests`);
    await this.page.getByRole('button', { name: this.t('contacts.acceptWho', { name: other.nickname }) }).click();
    await expect(this.page.getByText(this.t('contacts.noIncoming'))).toBeVisible();
  }

  /** The line of a conversation in the list. */
  line(other: Person): Locator {
    return this.page.locator('[data-conversation]').filter({ hasText: other.nickname });
  }

  async open(other: Person): Promise<void> {
    if (!(await this.line(other).isVisible())) await this.page.goto(`${this.base}/`);
    await this.line(other).click({ timeout: 20_000 });
    await expect(this.composer).toBeVisible();
  }

  get composer(): Locator {
    return this.page.locator('textarea');
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press('Enter');
    await expect(this.composer).toHaveValue('');
  }

  /** Texts of the open conversation, in order. */
  texts(): Promise<string[]> {
    return this.page.locator('[data-key] .text').allInnerTexts();
  }

  /** The bubble of a text. */
  bubble(text: string): Locator {
    return this.page.locator('.row').filter({ has: this.page.getByText(text, { exact: true }).and(this.page.locator('.text')) });
  }

  async sees(texts: string[]): Promise<void> {
    await expect.poll(() => this.texts(), { timeout: 30_000 }).toEqual(texts);
  }

  async isLive(): Promise<void> {
    await expect(this.page.getByText(this.t('net.offline'))).toBeHidden({ timeout: 45_000 });
  }
}

/** A name that no earlier run used. */
export function unique(prefix: string): string {
  return `${prefix}.${Date.now().toString(36)}${Math.floor(Math.random() * 1296).toString(36)}`;
}
