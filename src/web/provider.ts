// Signing in by a provider of identities: the browser goes there, and comes back to the page with an answer in its address. What was begun is known in
// this tab alone: an address that somebody else made one open has nothing to be compared with.
import type { Client } from '../api/client.ts';
import { CaissonError } from '../lib/errors.ts';
import type { ProviderAnswer } from '../model/identity-provider.ts';

const key = 'caisson-provider';

interface Begun {
  state: string;
  binding: string;
  /** Where one was on the page. */
  at: string;
}

/** Leaves the page. */
export async function goToProvider(client: Client, link: boolean): Promise<void> {
  const { url, binding } = await client.call('loginProviderBegin', { body: { link } });
  const begun: Begun = { state: new URL(url).searchParams.get('state') ?? '', binding, at: location.hash };
  sessionStorage.setItem(key, JSON.stringify(begun));
  location.assign(url);
}

export interface Returned {
  answer: ProviderAnswer;
  binding: string;
}

/** What the browser came back with, once; the address is that of the page again. */
export function takeReturned(): Returned | undefined {
  const given = new URLSearchParams(location.search);
  const state = given.get('state');
  if (state === null || (!given.has('code') && !given.has('error'))) return undefined;
  const begun = JSON.parse(sessionStorage.getItem(key) ?? 'null') as Begun | null;
  sessionStorage.removeItem(key);
  const isOurs = begun?.state === state;
  history.replaceState(null, '', `${location.pathname}${isOurs ? begun.at : ''}`);
  const answer: ProviderAnswer = { state };
  for (const name of ['code', 'iss', 'error', 'error_description'] as const) {
    const value = given.get(name);
    if (value !== null) answer[name] = value;
  }
  return { answer, binding: isOurs ? begun.binding : '' };
}

/** Whether a user was linked, rather than signed in. */
export async function finishReturned(client: Client, { answer, binding }: Returned): Promise<boolean> {
  if (binding === '') throw new CaissonError('unauthorized', 'this sign-in was not begun here: begin it once more');
  const { linked } = await client.call('loginProviderFinish', { body: { answer, binding } });
  return linked;
}
