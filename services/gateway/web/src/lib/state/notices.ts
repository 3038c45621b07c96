// SPDX-License-Identifier: Apache-2.0
// Notifications of the system: one per message and device, whatever the number of tabs.
import { t } from '../i18n/i18n.svelte';
import type { ChatMessage } from '../protocol/model';
import { read, write } from '../storage/local';
import type { App } from './app.svelte';

const NOTICED = 'parley.noticed';
const LOCK = 'parley-notices';
/** A tab that shows the message, or another device that reads it, has this long to say so. */
const WAIT_MS = 700;

/** What notices ask of the client. */
export type NoticeHost = Pick<App, 'chat' | 'view' | 'name' | 'title' | 'spoken' | 'seek'>;

/** Shows what came in, unless somebody sees it already. */
export async function notify(messages: readonly ChatMessage[], host: NoticeHost): Promise<void> {
  const told = messages.filter((one) => !one.system);
  if (told.length === 0) return;
  if (told.some((one) => sees(one, host))) return claim(told).then(() => undefined);
  await new Promise((done) => setTimeout(done, WAIT_MS));
  for (const message of await claim(told.filter((one) => !wasRead(one, host)))) {
    await show(message, host);
    // It may have been read while the notification came up, when there was none to take away.
    if (wasRead(message, host)) await withdraw(message.conversationId, message.seq);
  }
}

/** Takes the notifications of a conversation away that tell of what was read. */
export async function withdraw(conversationId: string, readSeq: number): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  for (const one of (await registration?.getNotifications()) ?? []) {
    const data = one.data as { conversationId?: string; seq?: number } | null;
    if (data?.conversationId === conversationId && (data.seq ?? 0) <= readSeq) one.close();
  }
}

/** Forgets what was told on this device. */
export function forget(): void {
  write(NOTICED, undefined);
}

// Of all tabs one gets the right to tell of a message, once.
async function claim(messages: readonly ChatMessage[]): Promise<ChatMessage[]> {
  const take = () => {
    const noticed = read<Record<string, number>>(NOTICED) ?? {};
    const fresh = messages.filter((one) => one.seq > (noticed[one.conversationId] ?? 0));
    for (const { conversationId, seq } of fresh) noticed[conversationId] = Math.max(seq, noticed[conversationId] ?? 0);
    if (fresh.length > 0) write(NOTICED, noticed);
    return fresh;
  };
  return navigator.locks ? navigator.locks.request(LOCK, take) : take();
}

function sees({ conversationId }: ChatMessage, host: NoticeHost): boolean {
  return host.view?.id === conversationId && document.hasFocus() && !document.hidden;
}

function wasRead({ conversationId, seq }: ChatMessage, host: NoticeHost): boolean {
  const head = host.chat?.replica.timelines.get(conversationId)?.record.head;
  return !head || head.readSeq >= seq;
}

async function show(message: ChatMessage, host: NoticeHost): Promise<void> {
  const { conversationId, seq } = message;
  const name = host.name(message.senderId);
  const group = host.chat?.replica.timelines.get(conversationId)?.record.group;
  const title = group ? t('notify.group', { name, group: host.title(conversationId) }) : name;
  const body = host.spoken(message);
  const options: NotificationOptions = { body, tag: message.messageId, icon: '/icon.svg', data: { conversationId, seq } };
  const registration = await navigator.serviceWorker?.getRegistration();
  if (registration) return registration.showNotification(title, options);
  const shown = new Notification(title, options);
  shown.onclick = () => {
    window.focus();
    shown.close();
    host.seek(conversationId, seq);
  };
}
