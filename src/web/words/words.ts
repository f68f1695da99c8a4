// What the page says. A language is one file with every key: one that is missing does not compile.
import type { english } from './english.ts';

export const languages = ['en', 'fr'] as const;
export type Language = (typeof languages)[number];

/** The shape of the English catalogue, whatever the texts. */
type Texts<T> = {
  readonly [K in keyof T]: T[K] extends string ? string : T[K] extends (...args: infer A) => string ? (...args: A) => string : Texts<T[K]>;
};

export type Words = Texts<typeof english>;
