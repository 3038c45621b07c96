// SPDX-License-Identifier: Apache-2.0
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/**
 * Names the files that are loaded only when somebody needs them in the page: the worker keeps all files that
 * the page names, so that they are there without network, and after a new version of the server has come.
 */
function nameLaterFiles(): Plugin {
  return {
    name: 'name-later-files',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        const later = Object.keys(bundle ?? {}).filter((file) => file.startsWith('assets/') && !html.includes(file));
        const tags = later.map((file) => ({ tag: 'link', attrs: { rel: 'parley-later', href: `/${file}` }, injectTo: 'head' as const }));
        return { html, tags };
      },
    },
  };
}

export default defineConfig({
  plugins: [svelte(), nameLaterFiles()],
  build: {
    target: 'es2022',
    // The policy forbids inline data: small files stay files, too.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // public/.keep becomes dist/.keep, which is committed: the program compiles without a build, too.
    emptyOutDir: true,
  },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    environment: 'node',
    restoreMocks: true,
  },
});
