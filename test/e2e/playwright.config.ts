// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from '@playwright/test';

/** Tests of limits and times that are real minutes. */
const WAITING = ['account.spec.ts', 'presence.spec.ts'];

export default defineConfig({
  testDir: '.',
  outputDir: 'test-results',
  reporter: [['list'], ['./lib/failures.ts']],
  timeout: 120_000,
  expect: { timeout: 15_000 },
  // Two browsers and a server on two cores are enough. What mostly waits for the clock runs beside the rest.
  workers: 3,
  projects: [
    { name: 'waiting', testMatch: WAITING, workers: 1 },
    { name: 'all others', testIgnore: WAITING, workers: 2 },
  ],
  forbidOnly: Boolean(process.env.CI),
  use: {
    // What cannot be done in this time is told, instead of the end of all time.
    actionTimeout: 20_000,
    launchOptions: {
      executablePath: process.env.PARLEY_CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
    screenshot: 'only-on-failure',
    trace: 'off',
  },
});
