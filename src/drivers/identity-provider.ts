// The contract of signing in by a provider of identities. Implemented by `oidc/`; its own answers are the provider’s, who may be slow, wrong or hostile.
import type { ProviderAnswer, ProviderCheck, ProviderRecord } from '../model/identity-provider.ts';

export interface ProviderQuestion {
  /** Where the browser is to go. */
  url: string;
  /** By which the answer is known to be to this question; never told to anybody. */
  proof: ProviderProof;
}

export interface ProviderProof {
  state: string;
  nonce: string;
  verifier: string;
  redirectUri: string;
}

/** Somebody, as the provider proves it. */
export interface Identity {
  /** By which the provider always calls them. */
  subject: string;
  /** Of the claims that were asked for. */
  userName: string | undefined;
  fullName: string | undefined;
  groups: string[];
  /** Where the browser ends the session at the provider. */
  endSessionUrl: string | undefined;
  /** What the provider calls that session, where it does. */
  sid?: string | undefined;
}

/** Somebody’s session at the provider has ended: the one that it names, or all of theirs. */
export interface Logout {
  /** Of this word of the provider, which counts once. */
  id: string;
  /** Until when it is believed; milliseconds. */
  until: number;
  subject?: string;
  sid?: string;
}

export interface IdentityProvider {
  /** Throws `unavailable` when the provider does not answer, `untrusted` when it answers wrongly. */
  ask(provider: ProviderRecord, redirectUri: string): Promise<ProviderQuestion>;
  /** Throws `unauthorized` when the provider says no, else as `ask` does. */
  identify(provider: ProviderRecord, proof: ProviderProof, answer: ProviderAnswer): Promise<Identity>;
  /** What a logout token says, at this time. Throws `untrusted` for one that is not believed, `unavailable` as `ask` does. */
  readLogout(provider: ProviderRecord, token: string, now: number): Promise<Logout>;
  /** Throws as `ask` does. */
  check(provider: ProviderRecord): Promise<ProviderCheck>;
}
