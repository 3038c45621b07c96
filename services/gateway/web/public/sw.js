// SPDX-License-Identifier: Apache-2.0
// Keeps the page and its files, so that a reload without network still shows what is stored.
// Calls and sockets never come through here.
const CACHE = 'parley-shell';
const PAGE = '/';
const DOCS = '/docs'; // pages that are not the client's
const FILES = /(?:src|href)="(\/[^"]+)"/g;

self.addEventListener('install', (event) => {
  event.waitUntil(fetch(PAGE).then(keep).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (url.pathname === DOCS || url.pathname.startsWith(`${DOCS}/`)) return;
  if (request.mode === 'navigate') event.respondWith(page(event));
  else if (url.pathname.startsWith('/assets/')) event.respondWith(file(request));
});

// A click on a notification opens the message, in a tab that is there already if there is one.
self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(seek(event.notification.data));
});

async function seek({ conversationId, seq }) {
  const tabs = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const tab = tabs.find((one) => one.visibilityState === 'visible') ?? tabs[0];
  if (!tab) return self.clients.openWindow(`/c/${encodeURIComponent(conversationId)}`);
  tab.postMessage({ conversationId, seq });
  await tab.focus();
}

// The newest page if the server answers, else the one that was kept.
async function page(event) {
  try {
    const answer = await fetch(event.request);
    if (answer.ok && answer.headers.get('Content-Type')?.startsWith('text/html')) event.waitUntil(keep(answer.clone()));
    if (answer.status < 500) return answer;
    return (await caches.match(PAGE)) ?? answer;
  } catch (error) {
    const kept = await caches.match(PAGE);
    if (kept) return kept;
    throw error;
  }
}

// Names of files carry a hash: what was kept is right for ever.
async function file(request) {
  return (await caches.match(request)) ?? fetch(request);
}

// Keeps a page with the files that it names. Files of the version before stay as well: a tab that still runs
// it may need one that it has not loaded yet. Older ones are forgotten.
async function keep(answer) {
  if (!answer.ok) throw new Error(`the page answered ${answer.status}`);
  const cache = await caches.open(CACHE);
  const before = await cache.match(PAGE);
  const named = names(await answer.clone().text());
  const old = before ? names(await before.text()) : [];
  const held = new Set((await cache.keys()).map((request) => new URL(request.url).pathname));
  await cache.addAll(named.filter((path) => !held.has(path)));
  await cache.put(PAGE, answer);
  if (named.join() === old.join()) return;
  const wanted = new Set([PAGE, ...named, ...old]);
  await Promise.all([...held].filter((path) => !wanted.has(path)).map((path) => cache.delete(path)));
}

function names(text) {
  return [...text.matchAll(FILES)].map((match) => match[1]);
}
