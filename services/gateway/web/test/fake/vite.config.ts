// SPDX-License-Identifier: Apache-2.0
// Serves the client with a server in memory, to look at screens: npm run dev
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  publicDir: here('../../public'),
  plugins: [svelte({ configFile: here('../../svelte.config.js') })],
  server: { host: '127.0.0.1', fs: { allow: [here('../..')] } },
});
