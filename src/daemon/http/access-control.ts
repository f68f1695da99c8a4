// What the HTTP side asks about callers. The daemon answers it from the store (`daemon/access.ts`); without that there are the socket and the
// token file, both of which may everything.
import { CaissonError } from '../../lib/errors.ts';
import { type Caller, tokenFileCaller } from '../../model/caller.ts';
import type { ConsoleKind } from '../../model/console-ticket.ts';

/** What a request shows about who makes it. */
export interface Credentials {
  /** Of the header `Authorization`. */
  bearer?: string | undefined;
  /** The value of the session cookie. */
  cookie?: string | undefined;
}

/** The objects of the site, as far as permissions depend on them. */
export interface Objects {
  guest(nameOrUid: string): { uid: string; zones: readonly string[] } | undefined;
  /** The user whom a token belongs to. */
  tokenOwner(name: string): string | undefined;
  /** Store keys of what a job is about. */
  jobObjects(uid: string): Promise<readonly string[] | undefined>;
}

export interface AccessControl {
  /** Undefined: nobody is known by that, or not any more. Throws `unauthorized` where more can be said, `too-many` when it is asked too often. */
  identify(shown: Credentials, address: string): Caller | undefined;
  /** Who shows the token of the file. Throws `unauthorized` when that does not count any more. */
  tokenFile(): Caller;
  /** The same caller with what they may now; undefined when they are nobody any more. */
  current(caller: Caller): Caller | undefined;
  /** Whose ticket it is, which is used up by that. Throws `unauthorized`. */
  redeemTicket(ticket: string, wanted: { guest: string; kind: ConsoleKind }, shownBy: Caller): Caller;
  /** Calls `listener` whenever somebody may have lost something. */
  onChange(listener: () => void): () => void;
  objects: Objects;
}

/** Nobody but the socket and the token file. */
export const noUsers: AccessControl = {
  identify: () => undefined,
  tokenFile: () => tokenFileCaller,
  current: (caller) => caller,
  redeemTicket: () => {
    throw new CaissonError('unauthorized', 'there are no tickets here');
  },
  onChange: () => () => undefined,
  objects: { guest: () => undefined, tokenOwner: () => undefined, jobObjects: () => Promise.resolve(undefined) },
};
