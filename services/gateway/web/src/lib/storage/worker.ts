// SPDX-License-Identifier: Apache-2.0

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

const SCRIPT = '/sw.js';

/**
 * Registers the worker that keeps the page for times without network, and that hears of clicks on
 * notifications; without support nothing happens.
 */
export function keepPage(seek: (conversationId: string, seq: number) => void): void {
  if (!('serviceWorker' in navigator)) return;
  navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ conversationId?: unknown; seq?: unknown }>) => {
    if (typeof data?.conversationId === 'string' && typeof data.seq === 'number') seek(data.conversationId, data.seq);
  });
  const { trustedTypes } = window as { trustedTypes?: TrustedTypes };
  // The one script address that this page ever makes.
  const policy = trustedTypes?.createPolicy('parley-worker', {
    createScriptURL: (url) => {
      if (url !== SCRIPT) throw new TypeError('not the worker');
      return url;
    },
  });
  const url = policy ? policy.createScriptURL(SCRIPT) : SCRIPT;
  void navigator.serviceWorker.register(url).catch(() => undefined);
}
