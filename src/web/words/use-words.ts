import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { Format } from '../format.ts';
import { english } from './english.ts';
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
