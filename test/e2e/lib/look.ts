// SPDX-License-Identifier: Apache-2.0
import { expect, test, type Page } from '@playwright/test';
import axe from 'axe-core';

/** Takes a picture, and fails on what axe finds, on sideways scrolling, and where the client could be moved as a whole. */
export async function look(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: test.info().outputPath(`${name}.png`) });
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(sideways, `${name} scrolls sideways`).toBeLessThanOrEqual(0);
  // The pages of the documentation are read by scrolling.
  const tall = await page.evaluate(() => (document.getElementById('app') ? document.documentElement.scrollHeight - window.innerHeight : 0));
  expect(tall, `${name} scrolls as a whole`).toBeLessThanOrEqual(0);
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') };
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(' ')).join(', ')}`);
  });
  expect(found, `axe on ${name}`).toEqual([]);
}

const WIDTHS = [1280, 320];
const THEMES = ['light', 'dark'] as const;

/** Looks at a state of a screen in both widths and both themes; the state must outlive that. */
export async function lookAll(page: Page, name: string): Promise<void> {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: width === 320 ? 640 : 800 });
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme });
      await look(page, `${name}-${width}-${colorScheme}`);
    }
  }
  await page.setViewportSize({ width: WIDTHS[0]!, height: 800 });
}
