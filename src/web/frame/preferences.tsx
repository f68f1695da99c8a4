import { useState } from 'preact/hooks';
import { keepTheme, readTheme, showTheme, themes } from '../settings.ts';
import { useWords } from '../words/use-words.ts';
import type { Language } from '../words/words.ts';

/** The other language, in its own words. */
export function LanguageButton({ onLanguage }: { onLanguage: (language: Language) => void }) {
  const { language } = useWords();
  const [other, name] = language === 'en' ? (['fr', 'Français'] as const) : (['en', 'English'] as const);
  return (
    <button
      type="button"
      class="link"
      lang={other}
      aria-label={`${other.toUpperCase()}: ${name}`}
      title={name}
      onClick={() => onLanguage(other)}
    >
      {other.toUpperCase()}
    </button>
  );
}

const marks = { system: '◐', light: '☀', dark: '☾' } as const;

export function ThemeButton() {
  const { words } = useWords();
  const [theme, setTheme] = useState(readTheme);
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system';
  const label = `${words.themes[theme]} → ${words.themes[next]}`;
  return (
    <button
      type="button"
      class="link"
      title={label}
      aria-label={label}
      onClick={() => {
        keepTheme(next);
        showTheme(next);
        setTheme(next);
      }}
    >
      <span aria-hidden="true">{marks[theme]}</span>
    </button>
  );
}
