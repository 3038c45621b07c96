// SPDX-License-Identifier: Apache-2.0
import type { CodePurpose } from '../../gen/parley/user/v1/auth_pb';
import type { Failure } from '../protocol/reasons';
import { CallFailed, type App } from './app.svelte';

/** What proves that somebody holds a phone. */
export interface PhoneCode {
  codeRequestId: string;
  code: string;
}

/** What was typed as a phone number; forms that follow each other share it. */
export class PhoneEntry {
  text = $state('');
}

/** CodeRequest asks for a code by phone and keeps what came of it. */
export class CodeRequest {
  /** What was typed into the field of the code. */
  digits = $state('');
  /** The number that the last code went to; empty before. */
  sentTo = $state('');
  /** When the next code may be asked for. */
  nextAt = $state(0);
  busy = $state(false);
  private requestId = '';

  constructor(
    private readonly app: App,
    readonly purpose: CodePurpose,
  ) {}

  /** Asks for a code; answers what went wrong. */
  async ask(phone: string): Promise<Failure | undefined> {
    if (this.busy) return undefined;
    this.busy = true;
    const before = this.digits;
    try {
      const { codeRequestId, resendAfterMs } = await this.app.call((clients) => clients.auth.requestCode({ phone, purpose: this.purpose }));
      this.requestId = codeRequestId;
      this.sentTo = phone;
      // A code can be faster than the answer.
      if (this.digits === before) this.digits = '';
      this.nextAt = Date.now() + Number(resendAfterMs);
      return undefined;
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      const { failure } = error;
      if (failure.reason === 'RATE_LIMITED') this.nextAt = Date.now() + failure.retryAfterMs;
      return failure;
    } finally {
      this.busy = false;
    }
  }

  /** What the typed code proves about a number; undefined while it proves nothing. */
  proof(phone: string): PhoneCode | undefined {
    if (this.requestId === '' || phone !== this.sentTo || this.digits.length !== 6) return undefined;
    return { codeRequestId: this.requestId, code: this.digits };
  }
}
