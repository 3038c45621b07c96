// SPDX-License-Identifier: Apache-2.0
import { read, write } from '../storage/local';

export type Theme = 'system' | 'light' | 'dark';
const THEME = 'parley.theme';
const ENTER = 'parley.enter';

/** What Enter does in the composer; Shift+Enter does the other. */
export type Enter = 'send' | 'line';

/** How the client looks on this device. */
class Prefs {
  theme = $state<Theme>(read<Theme>(THEME) ?? 'system');

  enter = $state<Enter>(read<Enter>(ENTER) ?? 'send');

  choose(theme: Theme): void {
    this.theme = theme;
    write(THEME, theme === 'system' ? undefined : theme);
  }

  chooseEnter(enter: Enter): void {
    this.enter = enter;
    write(ENTER, enter === 'send' ? undefined : enter);
  }
}

export const prefs = new Prefs();
