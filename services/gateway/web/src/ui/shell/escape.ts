// SPDX-License-Identifier: Apache-2.0
import type { App } from '../../lib/state/app.svelte';
import { panes } from '../../lib/state/panes.svelte';

/** Does the first thing that Escape can do in the open conversation. Answers false if nothing is left to do. */
export function escape(app: App, id: string): boolean {
  if (app.forwarding.from !== '') {
    app.forwarding.clear();
    return true;
  }
  if (app.actions.cancelEdit(id)) return true;
  if (app.drafts?.replies.has(id)) {
    app.drafts.reply(id, undefined);
    return true;
  }
  if (panes.find) {
    panes.find = false;
    return true;
  }
  return app.markRead();
}
