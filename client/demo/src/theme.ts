import { store, stored } from './stored.js';

/** Light, dark, or what the system says. */
export type Theme = 'system' | 'light' | 'dark';

const KEY = 'callboard-theme';

export function storedTheme(): Theme {
  const theme = stored('localStorage', KEY);
  return theme === 'light' || theme === 'dark' ? theme : 'system';
}

export function applyTheme(theme: Theme) {
  const chosen = theme === 'system' ? undefined : theme;
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
  store('localStorage', KEY, chosen);
}

/** The theme that the switch leads to: from what one sees to the other. */
export function otherTheme(theme: Theme): Theme {
  const dark = theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  return dark ? 'light' : 'dark';
}
