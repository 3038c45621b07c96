// SPDX-License-Identifier: Apache-2.0
import { i18n } from '../../lib/i18n/i18n.svelte';
import { failure } from '../../lib/protocol/reasons';
import type { ChatFile, OutboxFile } from '../../lib/protocol/model';
import { CallFailed, type App } from '../../lib/state/app.svelte';

/** Saves files on the device. The bytes come with the token of the login, so a link alone gives nobody anything. */
export function saver(app: () => App) {
  let busy = $state(false);
  let error = $state('');
  return {
    get busy() {
      return busy;
    },
    get error() {
      return error;
    },
    async run({ fileId, name }: ChatFile | OutboxFile): Promise<void> {
      if (busy || !fileId) return;
      busy = true;
      error = '';
      try {
        const url = URL.createObjectURL(await app().fetchFile(fileId));
        const link = Object.assign(document.createElement('a'), { href: url, download: name });
        link.click();
        setTimeout(() => URL.revokeObjectURL(url), 60_000);
      } catch (failed) {
        const why = failed instanceof CallFailed ? failed.failure : failure(failed);
        error = i18n.reason(why.reason, why.retryAfterMs);
      } finally {
        busy = false;
      }
    },
  };
}
