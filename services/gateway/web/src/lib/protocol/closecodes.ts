// SPDX-License-Identifier: Apache-2.0
// What a close code asks of the client. The range decides, so that a new code is handled, too.

export type CloseAction = 'none' | 'resume' | 'sync' | 'wait' | 'login' | 'stop';

/** What to do after a close. */
export interface CloseRule {
  action: CloseAction;
  /** Name in the close reason, or the number. */
  name: string;
  /** Delay that the server asks for, ms; undefined if it names none. */
  afterMs?: number;
  jitterMs?: number;
  /** Forget everything that is stored for this user. */
  wipe: boolean;
}

const ACCOUNT_DELETED = 4304;
const TRY_AGAIN_LATER = 1013;
const RESUMED_1000S = new Set([1001, 1005, 1006, 1011, 1012, 1015]);
const STOPPED_1000S = new Set([1002, 1003, 1007, 1008, 1009, 1010]);

/** Reads a code and a reason of the form NAME or NAME;after=5000;jitter=10000. */
export function closeRule(code: number, reason: string): CloseRule {
  const [name = '', ...parameters] = reason.split(';');
  const values = new Map(parameters.map((text) => text.split('=', 2) as [string, string]));
  const rule: CloseRule = {
    action: action(code),
    name: name || String(code),
    afterMs: milliseconds(values.get('after')),
    jitterMs: milliseconds(values.get('jitter')),
    wipe: code === ACCOUNT_DELETED,
  };
  if (rule.action === 'wait' && rule.afterMs === undefined) {
    rule.afterMs = 5_000;
    rule.jitterMs ??= 10_000;
  }
  return rule;
}

function action(code: number): CloseAction {
  if (code === 1000) return 'none';
  if (code === TRY_AGAIN_LATER) return 'wait';
  if (STOPPED_1000S.has(code)) return 'stop';
  if (RESUMED_1000S.has(code)) return 'resume';
  if (code >= 4100 && code < 4200) return 'sync';
  if (code >= 4200 && code < 4300) return 'wait';
  if (code >= 4300 && code < 4400) return 'login';
  if (code >= 4400 && code < 4500) return 'stop';
  return 'resume';
}

function milliseconds(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined;
  return Number(text);
}
