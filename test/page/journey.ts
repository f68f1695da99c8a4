// A way through the page, written once and gone in both languages: texts of the page by their key in its tables, what the engine says by the table that says
// it in French. Daemon and browser are the same for all of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { waitFor } from '../../src/lib/wait-for.ts';
import { english } from '../../src/web/words/english.ts';
import { sayInWords } from '../../src/web/words/engine-words.ts';
import { french } from '../../src/web/words/french.ts';
import { type Language, languages, type Words } from '../../src/web/words/words.ts';
import { type Account, type OpenPage, openPage, type PageLab } from './page-fixture.ts';

const catalogues: Record<Language, Words> = { en: english, fr: french };

export interface Reader {
  language: Language;
  words: Words;
  /** What the engine says, as the page shows it. Fails where the page does not know it in that language. */
  said: (text: string) => string;
}

export type Traveller = Reader & OpenPage;

export interface JourneyOptions {
  /** Who is signed in when it begins. Default: the host’s administrator, by the token. */
  as?: boolean | Account;
  /** The browser is to be refused something, or to go elsewhere: what it complains of proves nothing. */
  mayComplain?: boolean;
}

export const readers: readonly Reader[] = languages.map((language) => ({
  language,
  words: catalogues[language],
  said(text) {
    const said = sayInWords(text, language);
    assert.equal(said.language, language, `the page does not say in ${language}: ${text}`);
    return said.text;
  },
}));

/** The journeys of a file, all on one site. */
export function journeysOn(lab: () => PageLab) {
  return (name: string, go: (traveller: Traveller) => Promise<void>, { as = true, mayComplain = !as }: JourneyOptions = {}): void => {
    for (const reader of readers)
      test(`${name} (${reader.language})`, async () => {
        const opened = await openPage(lab(), { language: reader.language }, as);
        try {
          await go({ ...reader, ...opened });
          if (!mayComplain) assert.deepEqual(opened.complaints, []);
        } finally {
          await opened.context.close();
        }
      });
  };
}

/** By the form. */
export async function logIn(page: Page, words: Words, { user, password }: Account): Promise<void> {
  await page.getByLabel(words.userName).fill(user);
  await page.getByLabel(words.password, { exact: true }).fill(password);
  await page.getByRole('button', { name: words.login, exact: true }).click();
}

export function until(what: string, holds: () => boolean | Promise<boolean>): Promise<unknown> {
  return waitFor(what, holds, { timeoutMs: 60_000, everyMs: 100 });
}
