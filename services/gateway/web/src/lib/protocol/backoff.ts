// SPDX-License-Identifier: Apache-2.0
const FIRST_MS = 500;
const MOST_MS = 30_000;
const GOOD_MS = 60_000;

/** How long to wait before the next try to connect. Failures count since the last minute of LIVE. */
export class Backoff {
  private failures = 0;
  private liveSince: number | undefined;

  constructor(private readonly random: () => number) {}

  /** Tells that the session is LIVE now. */
  live(): void {
    this.liveSince ??= Date.now();
  }

  /** Counts a loss and answers the wait in ms, between 0 and 0.5 s · 2ⁿ, at most 30 s. */
  next(): number {
    if (this.liveSince !== undefined && Date.now() - this.liveSince >= GOOD_MS) this.failures = 0;
    this.liveSince = undefined;
    const most = Math.min(MOST_MS, FIRST_MS * 2 ** this.failures);
    this.failures++;
    return this.random() * most;
  }
}
