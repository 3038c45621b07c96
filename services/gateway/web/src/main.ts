// SPDX-License-Identifier: Apache-2.0
import { createConnectTransport } from '@connectrpc/connect-web';
import { mount } from 'svelte';
import './app.css';
import { i18n } from './lib/i18n/i18n.svelte';
import { bearer } from './lib/protocol/clients';
import { App } from './lib/state/app.svelte';
import { openStorage } from './lib/storage/idb';
import { openWebSocket } from './lib/storage/websocket';
import { keepPage } from './lib/storage/worker';
import Root from './ui/Root.svelte';

const app = new App({
  transport: (token) =>
    createConnectTransport({
      baseUrl: location.origin,
      useBinaryFormat: true,
      defaultTimeoutMs: 15_000,
      interceptors: [bearer(token)],
    }),
  open: openWebSocket,
  openStorage,
});
// Without its texts the page would say nothing; without network and cache there is no page anyway.
await i18n.load();
mount(Root, { target: document.getElementById('app')!, props: { app } });
void app.start();
if (import.meta.env.PROD) keepPage((conversationId, seq) => app.seek(conversationId, seq));
