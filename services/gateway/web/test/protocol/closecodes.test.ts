// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { CloseCodeSchema } from '../../src/gen/parley/gateway/v1/frame_pb';
import { closeRule, type CloseAction } from '../../src/lib/protocol/closecodes';

const byRange: Record<number, CloseAction> = { 40: 'resume', 41: 'sync', 42: 'wait', 43: 'login', 44: 'stop' };

describe('close codes', () => {
  const codes = CloseCodeSchema.values.filter((value) => value.number !== 0);
  it.each(codes.map((value) => [value.name, value.number] as const))('%s follows the rule of its range', (_, code) => {
    expect(closeRule(code, '').action).toBe(byRange[Math.floor(code / 100)]);
  });

  it.each([
    ['an unknown code of a known range follows the range', 4299, 'wait'],
    ['a reserved code is treated as one to resume after', 4712, 'resume'],
    ['a lost network is resumed', 1006, 'resume'],
    ['a going server is resumed', 1001, 'resume'],
    ['a protocol error stops', 1002, 'stop'],
    ['too big a frame stops', 1009, 'stop'],
    ['try again later waits', 1013, 'wait'],
    ['the own wish does nothing', 1000, 'none'],
  ] as const)('%s', (_, code, action) => {
    expect(closeRule(code, '').action).toBe(action);
  });

  it('reads delays from the reason', () => {
    expect(closeRule(4200, 'OVERLOADED;after=5000;jitter=10000')).toMatchObject({ name: 'OVERLOADED', afterMs: 5000, jitterMs: 10000 });
    expect(closeRule(4000, 'MOVED')).toMatchObject({ name: 'MOVED', afterMs: undefined });
    expect(closeRule(4200, 'OVERLOADED;after=-1;jitter=x')).toMatchObject({ afterMs: 5000, jitterMs: 10000 });
  });

  it('wipes the device only when the account is deleted', () => {
    expect(closeRule(4304, 'ACCOUNT_DELETED').wipe).toBe(true);
    expect(closeRule(4301, 'SESSION_REVOKED').wipe).toBe(false);
  });
});
