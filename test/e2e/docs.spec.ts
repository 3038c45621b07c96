// SPDX-License-Identifier: Apache-2.0
import { expect, test } from '@playwright/test';
import { look } from './lib/look';
import { servers, type Servers } from './lib/servers';

let running: Servers;

test.beforeAll(async () => {
  running = await servers(1);
});

test.afterAll(() => running?.close());

for (const [name, viewport, colorScheme] of [
  ['wide and light', { width: 1280, height: 800 }, 'light'],
  ['narrow and dark', { width: 360, height: 640 }, 'dark'],
] as const) {
  test(`the API can be read and walked through, ${name}`, async ({ browser }) => {
    const context = await browser.newContext({ viewport, colorScheme });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));
    const foreign: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(running.urls[0]!)) foreign.push(request.url());
    });
    await page.goto(`${running.urls[0]}/docs`);
    await expect(page.getByRole('heading', { level: 1, name: 'Parley API' })).toBeVisible();
    await page.getByRole('navigation').getByRole('link', { name: 'ListMessages' }).click();
    const operation = page.locator('article', { hasText: 'POST /parley.message.v1.MessageService/ListMessages' });
    await expect(operation).toBeInViewport();
    await operation.getByRole('link', { name: 'ListMessagesRequest' }).click();
    await expect(page.getByRole('heading', { level: 3, name: 'ListMessagesRequest' })).toBeInViewport();
    // The style came through the policy of the gateway.
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--link'))).not.toBe('');
    await look(page, `docs-${colorScheme}`);
    expect(complaints).toEqual([]);
    expect(foreign).toEqual([]);
    await context.close();
  });
}
