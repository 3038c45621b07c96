// SPDX-License-Identifier: Apache-2.0
import { read, write } from '../storage/local';

export type Theme = 'system' | 'light' | 'dark';
const THEME = 'parley.theme';

/** How the client looks on this device. */
class Prefs {
  theme = $state<Theme>(read<Theme>(THEME) ?? 'system');

  choose(theme: Theme): void {
    this.theme = theme;
    write(THEME, theme === 'system' ? undefined : theme);
  }
}

export const prefs = new Prefs();
