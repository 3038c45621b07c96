// SPDX-License-Identifier: Apache-2.0
import { read, write } from '../storage/local';

export type Theme = 'system' | 'light' | 'dark';
export type TextSize = 'small' | 'normal' | 'large' | 'largest';
const THEME = 'parley.theme';
const ENTER = 'parley.enter';

/** What Enter does in the composer; Shift+Enter does the other. */
export type Enter = 'send' | 'line';
const TEXT_SIZE = 'parley.textSize';

/** How the client looks on this device. */
class Prefs {
  theme = $state<Theme>(read<Theme>(THEME) ?? 'system');
  textSize = $state<TextSize>(read<TextSize>(TEXT_SIZE) ?? 'normal');
  enter = $state<Enter>(read<Enter>(ENTER) ?? 'send');

  choose(theme: Theme): void {
    this.theme = theme;
    write(THEME, theme === 'system' ? undefined : theme);
  }

  chooseEnter(enter: Enter): void {
    this.enter = enter;
    write(ENTER, enter === 'send' ? undefined : enter);
  }

  chooseTextSize(size: TextSize): void {
    this.textSize = size;
    write(TEXT_SIZE, size === 'normal' ? undefined : size);
  }
}

export const prefs = new Prefs();
