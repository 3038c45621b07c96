// SPDX-License-Identifier: Apache-2.0
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte()],
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
    environment: 'node',
    restoreMocks: true,
  },
});
