// SPDX-License-Identifier: Apache-2.0
// What the refusals of calls about accounts mean, each beside the field that it belongs to.
import { i18n, t } from '../../lib/i18n/i18n.svelte';
import { endOfAccount } from '../../lib/protocol/ended';
import type { Failure } from '../../lib/protocol/reasons';

/** Where a form can show an error. */
export type Place = 'phone' | 'code' | 'password' | 'newPassword' | 'username' | 'nickname' | 'general';
export type Errors = Partial<Record<Place, string>>;

const PLACES: Record<string, Place> = {
  PHONE_TAKEN: 'phone',
  PHONE_NOT_REGISTERED: 'phone',
  CODE_INVALID: 'code',
  PASSWORD_WRONG: 'password',
  USERNAME_TAKEN: 'username',
};

/** The words for a refusal, at the field that has to change. */
export function refused(failure: Failure): Errors {
  const { reason, metadata, retryAfterMs } = failure;
  // The screen above the form tells it.
  if (endOfAccount(failure)) return {};
  const place = PLACES[reason];
  if (place) return { [place]: i18n.reason(reason) };
  switch (metadata.field) {
    case 'phone':
      return { phone: t(metadata.rule === 'country' ? 'field.phoneCountry' : 'field.phoneShape') };
    case 'username':
      return { username: t('field.usernameShape') };
    case 'nickname':
      return { nickname: t('field.nicknameShape') };
    case 'new_password':
    case 'password':
      return { newPassword: t(metadata.rule === 'too_common' ? 'error.PASSWORD_TOO_COMMON' : 'field.passwordShort') };
    default:
      return metadata.field?.includes('code') ? { code: i18n.reason('CODE_INVALID') } : { general: i18n.reason(reason, retryAfterMs) };
  }
}

/** The words for a code that was not sent. A wait that the button counts down itself is told in short. */
export function notSent(failure: Failure): Errors {
  if (failure.reason !== 'RATE_LIMITED') return refused(failure);
  return { code: failure.retryAfterMs > 0 ? t('code.wait', { wait: i18n.wait(failure.retryAfterMs) }) : i18n.reason(failure.reason) };
}
