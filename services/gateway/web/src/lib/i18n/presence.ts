// SPDX-License-Identifier: Apache-2.0
import type { Known } from '../protocol/presence';
import { brief } from './dates';
import { t } from './i18n.svelte';

/** How a person is, in words. */
export function presenceText({ state, lastActiveAt }: Known): string {
  if (state === 'online') return t('presence.online');
  if (state === 'away') return t('presence.away');
  return lastActiveAt > 0 ? t('presence.lastActive', { time: brief(lastActiveAt, Date.now()) }) : t('presence.offline');
}
