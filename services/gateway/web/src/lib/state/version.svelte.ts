// SPDX-License-Identifier: Apache-2.0
// Whether the server has another version of this page. It is offered, never forced.

const AT_MOST_EVERY_MS = 60_000;
const ENTRY = /<script[^>]+src="(\/assets\/[^"]+)"/;

class Version {
  /** True if the server gives another page than this one. */
  newer = $state(false);
  private asked = -Infinity;

  /** Asks the server, at most once a minute; what cannot be known now is asked another time. */
  async check(): Promise<void> {
    const own = document.querySelector('script[type="module"]')?.getAttribute('src');
    if (!own?.startsWith('/assets/') || this.newer || Date.now() - this.asked < AT_MOST_EVERY_MS) return;
    this.asked = Date.now();
    try {
      const answer = await fetch('/', { cache: 'no-store', headers: { Accept: 'text/html' } });
      const served = answer.ok ? ENTRY.exec(await answer.text())?.[1] : undefined;
      this.newer = served !== undefined && served !== own;
    } catch {
      this.asked = -Infinity;
    }
  }

  /** Forgets what was told, as after "later". */
  later(): void {
    this.newer = false;
  }
}

export const version = new Version();
