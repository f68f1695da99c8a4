// Being signed in by a browser: the daemon gives a short code, somebody who is signed in on the page approves it, and the session comes here. For who signs
// in by a security key or by a provider of identities, which no terminal can ask.
import { hostname } from 'node:os';
import type { Client } from '../api/client.ts';
import { systemClock } from '../lib/clock.ts';
import { toCaissonError } from '../lib/errors.ts';
import type { SignedIn } from '../model/session.ts';
import type { Io } from './io.ts';
import { localTime } from './times.ts';

export interface BrowserLoginOptions {
  /** Of the daemon: the page is there. */
  url: string;
  /** Whether one is opened where there is a screen. */
  browser: boolean;
}

/** Throws `unauthorized` when it was refused, or nobody decided in time. */
export async function signInByBrowser(io: Io, client: Client, { url, browser }: BrowserLoginOptions): Promise<SignedIn> {
  const { secret, code, endsAt, everySeconds } = await client.call('loginCommandBegin', { body: { host: machineName() } });
  io.stderr.write(`Open ${new URL('/#/command', url).href} and approve the code  ${code}  until ${localTime(endsAt)}\n`);
  if (browser) void open(io, new URL(`/#/command/${code}`, url).href);
  for (let seconds = everySeconds; ;) {
    await systemClock.sleep(seconds * 1000);
    const answer = await client.call('loginCommandFinish', { body: { secret } }).catch((cause: unknown) => {
      const error = toCaissonError(cause);
      const retry = error.details?.['retryAfterSeconds'];
      if (error.code === 'too-many' && typeof retry === 'number') return { everySeconds: retry };
      // A daemon that does not answer for a moment may have it still.
      if (error.code === 'unavailable' && Date.now() < Date.parse(endsAt)) return { everySeconds };
      throw cause;
    });
    if ('signedIn' in answer && answer.signedIn) return answer.signedIn;
    seconds = answer.everySeconds;
  }
}

/** The program stays until what it opened has read its file. */
async function open(io: Io, link: string): Promise<void> {
  try {
    const { openBrowser } = await import('./open-browser.ts');
    const why = await openBrowser(link, io.env);
    if (why !== undefined) io.stderr.write(`no browser was opened: ${why}\n`);
  } catch (error) {
    io.stderr.write(`no browser was opened: ${toCaissonError(error).message}\n`);
  }
}

/** As far as it can be one: whoever approves sees it. */
function machineName(): string {
  return (
    hostname()
      .replaceAll(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[._-]+/, '')
      .slice(0, 63) || 'unknown'
  );
}
