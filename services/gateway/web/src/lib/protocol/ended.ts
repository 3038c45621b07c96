// SPDX-License-Identifier: Apache-2.0
// Why a login session ended, as a call tells it and as a socket does.
import { closeRule, type CloseRule } from './closecodes';
import type { Failure } from './reasons';

const BY_WHY: Record<string, [code: number, name: string]> = {
  revoked: [4301, 'SESSION_REVOKED'],
  expired: [4302, 'SESSION_EXPIRED'],
  banned: [4303, 'SUSPENDED'],
  deleted: [4304, 'ACCOUNT_DELETED'],
  replaced: [4306, 'REPLACED'],
};

/** What a refused call says of the login session; undefined if that goes on. */
export function endOfSession({ reason, metadata }: Failure): CloseRule | undefined {
  if (reason !== 'SESSION_ENDED' && reason !== 'UNAUTHENTICATED') return undefined;
  return closeRule(...(BY_WHY[metadata.why ?? ''] ?? ([4305, 'AUTH_FAILED'] as [number, string])));
}
