// SPDX-License-Identifier: Apache-2.0
import { CodePurpose } from '../../gen/parley/user/v1/auth_pb';
import { t } from '../../lib/i18n/i18n.svelte';
import { CodeRequest, type PhoneCode } from '../../lib/state/codes.svelte';
import { notSent, type Errors } from '../auth/refused';
import type { OwnAccount } from './account.svelte';

/** Proof is how the owner of an account shows that they ask: the password, or a code for the number so far. */
export class Proof {
  password = $state('');
  errors = $state.raw<Errors>({});
  readonly request: CodeRequest;
  private chosen = $state<boolean | undefined>();

  constructor(readonly account: OwnAccount) {
    this.request = new CodeRequest(account.app, CodePurpose.CONFIRM_OLD_PHONE);
  }

  /** True if a code is asked for rather than the password. */
  get byCode(): boolean {
    return this.chosen ?? !this.account.me?.hasPassword;
  }

  /** An account with neither password nor phone has nothing to show. */
  get needed(): boolean {
    const { me } = this.account;
    return Boolean(me && (me.hasPassword || me.phone !== ''));
  }

  /** True if there is a choice. */
  get both(): boolean {
    const { me, codes } = this.account;
    return Boolean(codes && me?.hasPassword && me.phone !== '');
  }

  swap(): void {
    this.chosen = !this.byCode;
    this.errors = {};
  }

  async ask(): Promise<void> {
    this.errors = {};
    const failure = await this.request.ask(this.account.me?.phone ?? '');
    if (failure) this.errors = notSent(failure);
  }

  /** What to send, or undefined with an error beside the field. */
  take(): { password: string; code?: PhoneCode } | undefined {
    this.errors = {};
    if (!this.needed) return { password: '' };
    if (!this.byCode) {
      if (this.password === '') this.errors = { password: t('field.required') };
      return this.password === '' ? undefined : { password: this.password };
    }
    const code = this.request.proof(this.account.me?.phone ?? '');
    if (!code) this.errors = { code: t(this.request.sentTo === '' ? 'code.askFirst' : 'field.codeShape') };
    return code && { password: '', code };
  }
}
