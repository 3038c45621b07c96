// SPDX-License-Identifier: Apache-2.0
import type { Page } from '@playwright/test';

/** A png whose colours change from side to side. */
export async function picture(page: Page, width: number, height: number, colours: [string, string] = ['teal', 'salmon']): Promise<Buffer> {
  const bytes = await page.evaluate(
    async ([w, h, from, to]) => {
      const canvas = Object.assign(document.createElement('canvas'), { width: w, height: h });
      const paint = canvas.getContext('2d')!;
      const change = paint.createLinearGradient(0, 0, w, h);
      change.addColorStop(0, from);
      change.addColorStop(1, to);
      paint.fillStyle = change;
      paint.fillRect(0, 0, w, h);
      const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/png'));
      return Array.from(new Uint8Array(await blob!.arrayBuffer()));
    },
    [width, height, ...colours] as const,
  );
  return Buffer.from(bytes);
}

/** The colour in the middle of a picture of the page, as [red, green, blue]; undefined while there is none. */
export function colourOf(page: Page, selector: string): Promise<number[] | undefined> {
  return page.evaluate((where) => {
    const shown = document.querySelector<HTMLImageElement>(where);
    if (!shown?.complete || shown.naturalWidth === 0) return undefined;
    const paint = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d')!;
    paint.drawImage(shown, 0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }, selector);
}
