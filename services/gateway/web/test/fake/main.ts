// SPDX-License-Identifier: Apache-2.0
import { mount } from 'svelte';
import '../../src/app.css';
import { i18n } from '../../src/lib/i18n/i18n.svelte';
import { App } from '../../src/lib/state/app.svelte';
import { openStorage } from '../../src/lib/storage/idb';
import { login } from '../../src/lib/storage/local';
import Root from '../../src/ui/Root.svelte';
import { seed } from './seed';
import { FakeServer } from './server';

const server = new FakeServer();
const users = seed(server.state);
if (new URLSearchParams(location.search).has('in')) {
  const token = server.state.login(users.me);
  login.save({ userId: users.me, token: token.token, loginSessionId: token.sessionId });
}
const app = new App({
  transport: (token) => server.transport(token),
  open: (path) => server.open(path),
  openStorage: (userId) => openStorage(userId),
});
Object.assign(window, { server, users, app });
await i18n.load();
mount(Root, { target: document.getElementById('app')!, props: { app } });
void app.start();
