// SPDX-License-Identifier: Apache-2.0
import { createConnectTransport } from '@connectrpc/connect-web';
import { mount } from 'svelte';
import './app.css';
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
mount(Root, { target: document.getElementById('app')!, props: { app } });
void app.start();
if (import.meta.env.PROD) keepPage((conversationId, seq) => app.seek(conversationId, seq));
