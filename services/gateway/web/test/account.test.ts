// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, vi } from 'vitest';
import { CodePurpose } from '../src/gen/parley/user/v1/auth_pb';
import { i18n } from '../src/lib/i18n/i18n.svelte';
import { endOfAccount, endOfSession } from '../src/lib/protocol/ended';
import type { Failure } from '../src/lib/protocol/reasons';
import { CallFailed, type App } from '../src/lib/state/app.svelte';
import { CodeRequest } from '../src/lib/state/codes.svelte';
import { codeDigits, looksLikePhone, readable, toE164 } from '../src/lib/text/phone';
import { notSent, refused } from '../src/ui/auth/refused';

const failure = (reason: string, metadata = {}, retryAfterMs = 0): Failure => ({ reason, metadata, retryAfterMs, code: 1 });

describe('phone numbers', () => {
  it.each([
    ['+86 138-0013-8000', 'en', '+8613800138000'],
    ['0086 13800138000', 'en', '+8613800138000'],
    ['＋１（４１５）５５５－０１２３', 'en', '+14155550123'],
    ['13800138000', 'zh-Hans', '+8613800138000'],
    ['13800138000', 'en', undefined],
    ['+0123456789', 'en', undefined],
    ['call me', 'en', undefined],
    ['', 'zh-Hans', undefined],
  ] as const)('%s for a reader of %s is %s', (typed, locale, want) => expect(toE164(typed, locale)).toBe(want));

  it.each([
    ['+8613800138000', 'en', true],
    ['13800138000', 'zh-Hans', true],
    ['13800138000', 'en', false],
    ['li.wei', 'zh-Hans', false],
    ['2026', 'en', false],
  ] as const)('%s typed by a reader of %s is meant as one: %s', (typed, locale, want) => expect(looksLikePhone(typed, locale)).toBe(want));

  it.each([
    ['+8613800138000', '+86 138 0013 8000'],
    ['+14155550123', '+1 415 555 0123'],
    ['+4930901820', '+4930901820'],
  ])('%s is read as %s', (number, want) => expect(readable(number)).toBe(want));
});

describe('the field of a code', () => {
  it.each([
    ['123456', '123456'],
    ['123 456', '123456'],
    ['１２３４５６', '123456'],
    ['Parley: your code is 123456.', '123456'],
    ['验证码 004219，5 分钟内有效', '004219'],
    ['1234567890', '123456'],
    ['12a', '12'],
  ])('makes %s to %s', (typed, want) => expect(codeDigits(typed)).toBe(want));
});

describe('a suspended account', () => {
  it('is told by the screen above the form, with its end if there is one', () => {
    const until = failure('ACCOUNT_SUSPENDED', { until: '1798761600000' });
    expect(endOfAccount(until)).toMatchObject({ name: 'SUSPENDED', until: 1_798_761_600_000, wipe: false });
    expect(endOfAccount(failure('ACCOUNT_SUSPENDED'))).toMatchObject({ name: 'SUSPENDED', until: undefined });
    expect(refused(until)).toEqual({});
  });
  it('is nothing that another refusal tells', () => expect(endOfAccount(failure('INVALID_CREDENTIALS'))).toBeUndefined());
});

describe('the end of a session', () => {
  it.each([
    ['revoked', 'SESSION_REVOKED', false],
    ['expired', 'SESSION_EXPIRED', false],
    ['banned', 'SUSPENDED', false],
    ['deleted', 'ACCOUNT_DELETED', true],
    ['replaced', 'REPLACED', false],
    ['unknown', 'AUTH_FAILED', false],
  ])('%s is told as %s', (why, name, wipe) => expect(endOfSession(failure('SESSION_ENDED', { why }))).toMatchObject({ action: 'login', name, wipe }));
  it('is not told by another refusal', () => expect(endOfSession(failure('FORBIDDEN'))).toBeUndefined());
});

describe('refusals', () => {
  it.each([
    ['PHONE_TAKEN', {}, 'phone'],
    ['PHONE_NOT_REGISTERED', {}, 'phone'],
    ['CODE_INVALID', {}, 'code'],
    ['PASSWORD_WRONG', {}, 'password'],
    ['USERNAME_TAKEN', {}, 'username'],
    ['CONTENT_INVALID', { field: 'phone', rule: 'country' }, 'phone'],
    ['CONTENT_INVALID', { field: 'new_password', rule: 'string.min_len' }, 'newPassword'],
    ['CONTENT_INVALID', { field: 'password', rule: 'too_common' }, 'newPassword'],
    ['CONTENT_INVALID', { field: 'code.code' }, 'code'],
    ['UNAVAILABLE', {}, 'general'],
    ['SMS_UNAVAILABLE', {}, 'general'],
  ])('%s %j stands at %s', (reason, metadata, place) => expect(Object.keys(refused(failure(reason, metadata)))).toEqual([place]));

  it('tell long waits in words that people use', () => {
    expect(i18n.wait(59_000)).toBe('59 seconds');
    expect(i18n.wait(45 * 60_000)).toBe('45 minutes');
    expect(i18n.wait(20 * 3_600_000)).toBe('20 hours');
    expect(i18n.wait(30 * 86_400_000)).toBe('30 days');
    expect(i18n.countdown(59_001)).toBe('1:00');
    expect(i18n.countdown(4_000)).toBe('0:04');
    expect(i18n.countdown(3_600_000)).toBe('60 minutes');
    expect(notSent(failure('RATE_LIMITED', {}, 45 * 60_000)).code).toMatch(/45 minutes/);
  });
});

describe('asking for a code', () => {
  const asked = (answer: () => Promise<unknown>) => new CodeRequest({ call: answer } as unknown as App, CodePurpose.LOGIN);
  const sent = () => Promise.resolve({ codeRequestId: 'r', resendAfterMs: 60_000n, expiresInMs: 300_000n });

  it('proves only the number that it went to, and only with six digits', async () => {
    const request = asked(sent);
    request.digits = '123456';
    expect(request.proof('+8613800138000')).toBeUndefined();
    expect(await request.ask('+8613800138000')).toBeUndefined();
    expect(request.digits).toBe('');
    request.digits = '12345';
    expect(request.proof('+8613800138000')).toBeUndefined();
    request.digits = '123456';
    expect(request.proof('+8613900139000')).toBeUndefined();
    expect(request.proof('+8613800138000')).toEqual({ codeRequestId: 'r', code: '123456' });
  });

  it('keeps a code that came before the answer', async () => {
    const request = asked(async () => ((request.digits = '654321'), sent()));
    await request.ask('+8613800138000');
    expect(request.proof('+8613800138000')?.code).toBe('654321');
  });

  it('keeps the code that was sent when the next one has to wait', async () => {
    vi.useFakeTimers({ now: 1_000 });
    let answer: () => Promise<unknown> = sent;
    const request = asked(() => answer());
    await request.ask('+8613800138000');
    expect(request.nextAt).toBe(61_000);
    request.digits = '123456';
    answer = () => Promise.reject(new CallFailed(failure('RATE_LIMITED', {}, 30_000)));
    expect((await request.ask('+8613800138000'))?.reason).toBe('RATE_LIMITED');
    expect(request.nextAt).toBe(31_000);
    expect(request.proof('+8613800138000')).toBeDefined();
    vi.useRealTimers();
  });
});
