// SPDX-License-Identifier: Apache-2.0
import type { Clients } from '../../lib/protocol/clients';
import { CallFailed, type App } from '../../lib/state/app.svelte';
import { focusInvalid } from '../auth/focus';
import { refused, type Errors } from '../auth/refused';

/** What a form that changes the account is doing, and what went wrong. */
export class Saving {
  busy = $state(false);
  errors = $state.raw<Errors>({});

  constructor(private readonly app: App) {}

  /** Shows errors that were found before the call; answers whether there are any. */
  wrong(form: HTMLElement, errors: Errors): boolean {
    this.errors = errors;
    if (Object.keys(errors).length === 0) return false;
    void focusInvalid(form);
    return true;
  }

  /** Makes the call once; undefined if it was refused. */
  async run<T>(form: HTMLElement, work: (clients: Clients) => Promise<T>): Promise<T | undefined> {
    if (this.busy) return undefined;
    this.busy = true;
    this.errors = {};
    try {
      return await this.app.call(work);
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      this.errors = refused(error.failure);
      await focusInvalid(form);
      return undefined;
    } finally {
      this.busy = false;
    }
  }
}
