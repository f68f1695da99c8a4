// What the HTTP side asks about callers. The daemon answers it from the store (`daemon/access.ts`); without that there are the socket and the
// token file, both of which may everything.
import type { Caller } from '../../model/caller.ts';
import { tokenFileCaller } from '../../model/caller.ts';

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
  /** Calls `listener` whenever somebody may have lost something. */
  onChange(listener: () => void): () => void;
  objects: Objects;
}

/** Nobody but the socket and the token file. */
export const noUsers: AccessControl = {
  identify: () => undefined,
  tokenFile: () => tokenFileCaller,
  current: (caller) => caller,
  onChange: () => () => undefined,
  objects: { guest: () => undefined, jobObjects: () => Promise.resolve(undefined) },
};
