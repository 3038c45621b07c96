// SPDX-License-Identifier: Apache-2.0
import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';

const markup = [
  ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'srcdoc', 'createContextualFragment'].map((property) => ({ property })),
  ...['write', 'writeln'].map((property) => ({ object: 'document', property })),
];

export default ts.config(
  { ignores: ['dist/', 'public/', 'node_modules/', 'src/gen/'] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  {
    rules: {
      // Text of people goes into text nodes, never through a parser.
      'svelte/no-at-html-tags': 'error',
      'no-restricted-properties': ['error', ...markup.map((one) => ({ ...one, message: 'text goes into text nodes' }))],
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'svelte/no-navigation-without-resolve': 'off',
      // A Map that no screen reads is a plain Map.
      'svelte/prefer-svelte-reactivity': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
);
