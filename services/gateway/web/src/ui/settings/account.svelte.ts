// SPDX-License-Identifier: Apache-2.0
import type { Me } from '../../gen/parley/user/v1/user_pb';
import { i18n } from '../../lib/i18n/i18n.svelte';
import { toPerson } from '../../lib/protocol/convert';
import { CallFailed, type App } from '../../lib/state/app.svelte';

/** The own account as the settings show and change it. */
export class OwnAccount {
  me = $state.raw<Me | undefined>();
  /** Whether this instance sends codes; false until it has told. */
  codes = $state(false);
  error = $state('');

  constructor(readonly app: App) {}

  async load(): Promise<void> {
    this.error = '';
    try {
      const { me } = await this.app.call((clients) => clients.users.getMe({}));
      this.take(me);
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      this.error = i18n.reason(error.failure.reason, error.failure.retryAfterMs);
    }
    const options = await this.app.clients.auth.getSignInOptions({}).catch(() => undefined);
    this.codes = options?.phoneCodes ?? false;
  }

  /** Takes the account as a call answered it. */
  take(me: Me | undefined): void {
    if (!me) return;
    this.me = me;
    if (me.user) this.app.setMe(toPerson(me.user));
  }
}
