// SPDX-License-Identifier: Apache-2.0
import { stripVTControlCharacters } from 'node:util';
import type { FullConfig, Reporter, Suite } from '@playwright/test/reporter';

const LINES = 6;

/** Failures says at the very end, in a few lines each, what failed and why: the end of a log is what is read first. */
export default class Failures implements Reporter {
  private suite: Suite | undefined;

  onBegin(_: FullConfig, suite: Suite): void {
    this.suite = suite;
  }

  onEnd(): void {
    for (const test of this.suite?.allTests().filter((one) => one.outcome() === 'unexpected') ?? []) {
      console.log(`\nFAILED ${test.titlePath().filter(Boolean).join(' › ')}`);
      for (const error of test.results.at(-1)?.errors ?? []) {
        const said = stripVTControlCharacters(error.message ?? error.value ?? '').split('\n').filter((line) => line.trim() !== '');
        for (const line of said.slice(0, LINES)) console.log(`  ${line}`);
        if (error.location) console.log(`  at ${error.location.file}:${error.location.line}`);
      }
    }
  }

  printsToStdio(): boolean {
    return false;
  }
}
