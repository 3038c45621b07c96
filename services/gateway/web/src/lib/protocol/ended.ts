// SPDX-License-Identifier: Apache-2.0
// Why a login session ended, as a call tells it and as a socket does.
import { closeRule, type CloseRule } from './closecodes';
import type { Failure } from './reasons';

/** Why the last login session ended, or why none may begin. */
export interface Ended extends CloseRule {
  /** When a suspension ends by itself, ms; undefined if that is not known, or if it does not. */
  until?: number;
}

const BY_WHY: Record<string, [code: number, name: string]> = {
  revoked: [4301, 'SESSION_REVOKED'],
  expired: [4302, 'SESSION_EXPIRED'],
  banned: [4303, 'SUSPENDED'],
  deleted: [4304, 'ACCOUNT_DELETED'],
  replaced: [4306, 'REPLACED'],
};

/** What a refused sign-in says of the account, where a screen of its own tells that; else undefined. */
export function endOfAccount({ reason, metadata }: Failure): Ended | undefined {
  if (reason !== 'ACCOUNT_SUSPENDED') return undefined;
  const until = Number(metadata.until);
  return { ...closeRule(4303, 'SUSPENDED'), until: until > 0 ? until : undefined };
}

/** What a refused call says of the login session; undefined if that goes on. */
export function endOfSession({ reason, metadata }: Failure): CloseRule | undefined {
  if (reason !== 'SESSION_ENDED' && reason !== 'UNAUTHENTICATED') return undefined;
  return closeRule(...(BY_WHY[metadata.why ?? ''] ?? ([4305, 'AUTH_FAILED'] as [number, string])));
}
