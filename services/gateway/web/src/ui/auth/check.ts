// SPDX-License-Identifier: Apache-2.0
import { i18n, t } from '../../lib/i18n/i18n.svelte';
import type { Failure } from '../../lib/protocol/reasons';

export type FieldName = 'username' | 'nickname' | 'password';
export type Fields = Partial<Record<FieldName, string>>;

const SHAPE = /^[A-Za-z][A-Za-z0-9_.-]*$/;

/** What is wrong with a form before it is sent; nothing if all is well. */
export function check(mode: 'signIn' | 'signUp', values: Record<FieldName, string>): Fields {
  const found: Fields = {};
  const username = values.username.trim();
  if (username === '') found.username = t('field.required');
  if (values.password === '') found.password = t('field.required');
  if (mode === 'signIn') return found;
  const name = usernameError(username);
  if (name) found.username = name;
  if (values.nickname.trim() === '') found.nickname = t('field.required');
  else if ([...values.nickname.trim()].length > 32) found.nickname = t('field.tooLong');
  if (values.password !== '' && [...values.password].length < 8) found.password = t('field.passwordShort');
  return found;
}

/** What is wrong with a new username; undefined if nothing is. */
export function usernameError(username: string): string | undefined {
  if (username === '') return t('field.required');
  if (!SHAPE.test(username)) return t('field.usernameShape');
  if (username.length < 3) return t('field.usernameShort');
  return username.length > 32 ? t('field.tooLong') : undefined;
}

/** The field that a refusal belongs to, with words for it; undefined if it belongs to none. */
export function fieldError(mode: 'signIn' | 'signUp', failure: Failure): Fields | undefined {
  const { reason, metadata } = failure;
  if (reason === 'USERNAME_TAKEN') return { username: i18n.reason(reason) };
  if (reason === 'INVALID_CREDENTIALS' && mode === 'signIn') return { password: i18n.reason(reason) };
  switch (metadata.field) {
    case 'username':
      return { username: t('field.usernameShape') };
    case 'nickname':
      return { nickname: t('field.nicknameShape') };
    case 'password':
      return { password: t(metadata.rule === 'too_common' ? 'error.PASSWORD_TOO_COMMON' : 'field.passwordShort') };
    default:
      return undefined;
  }
}
