import { createContext } from 'preact';
import { useCallback, useContext } from 'preact/hooks';
import { Format } from '../format.ts';
import { english } from './english.ts';
import { type SaidText, sayInWords } from './engine-words.ts';
import type { Language, Words } from './words.ts';

export interface Speech {
  language: Language;
  words: Words;
  format: Format;
}

export const SpeechContext = createContext<Speech>({ language: 'en', words: english, format: new Format('en') });

export function useWords(): Speech {
  return useContext(SpeechContext);
}

/** What the engine says, in the reader’s language where it is known. */
export function useSaid(): (text: string) => SaidText {
  const { language } = useWords();
  return useCallback((text) => sayInWords(text, language), [language]);
}
