// What one person prefers of the page, kept in this browser: language and theme.
import { type Language, languages } from './words/words.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const languageKey = 'caisson-language';
const themeKey = 'caisson-theme';

export function readLanguage(): Language {
  const kept = localStorage.getItem(languageKey);
  const wanted = [kept, ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return languages.find((language) => language === wanted.find((each) => languages.some((known) => known === each))) ?? 'en';
}

export function keepLanguage(language: Language): void {
  localStorage.setItem(languageKey, language);
}

export function readTheme(): Theme {
  return themes.find((theme) => theme === localStorage.getItem(themeKey)) ?? 'system';
}

export function keepTheme(theme: Theme): void {
  localStorage.setItem(themeKey, theme);
}

export function showTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}
