// SPDX-License-Identifier: Apache-2.0
import type { ChatMessage } from '../protocol/model';
import { read, write } from '../storage/local';
import type { NoticeHost } from './notices';

const SETTING = 'parley.notify';

/** Whether this device notifies, and who asked for it. The permission is asked for after a click only. */
class Notifying {
  permission = $state<NotificationPermission | 'missing'>(typeof Notification === 'undefined' ? 'missing' : Notification.permission);
  wanted = $state(read<boolean>(SETTING) ?? false);
  readonly on: boolean = $derived(this.wanted && this.permission === 'granted');

  /** Conversations that this tab told of. */
  private readonly told = new Set<string>();

  /** Turns it on, by a click of the user. */
  async turnOn(): Promise<void> {
    this.permission = await Notification.requestPermission();
    this.want(this.permission === 'granted');
  }

  turnOff(): void {
    this.want(false);
  }

  /** Tells of what came in, if that is wished. */
  async tell(messages: readonly ChatMessage[], host: NoticeHost): Promise<void> {
    if (!this.on) return;
    messages.forEach((one) => this.told.add(one.conversationId));
    await (await import('./notices')).notify(messages, host);
  }

  /** Takes back what was told of messages that are read now. */
  async read(conversationId: string, readSeq: number): Promise<void> {
    if (this.told.delete(conversationId)) await (await import('./notices')).withdraw(conversationId, readSeq);
  }

  /** Forgets what was told, as at sign-out. */
  async forget(): Promise<void> {
    if (this.on) (await import('./notices')).forget();
  }

  private want(wanted: boolean): void {
    this.wanted = wanted;
    write(SETTING, wanted || undefined);
  }
}

export const notifying = new Notifying();
