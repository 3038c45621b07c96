// SPDX-License-Identifier: Apache-2.0
import { i18n } from '../src/lib/i18n/i18n.svelte';

await i18n.load();
