// A provider of identities in memory: whoever comes back with a code is who the test says.
import { CaissonError } from '../../lib/errors.ts';
import type { Identity, IdentityProvider, Logout } from '../identity-provider.ts';

export interface FakeIdentityProvider extends IdentityProvider {
  /** By code. */
  people: Map<string, Identity>;
  /** By token. */
  logouts: Map<string, Logout>;
  isDown: boolean;
}

export function createFakeIdentityProvider(): FakeIdentityProvider {
  let count = 0;
  const mustAnswer = () => {
    if (fake.isDown) throw new CaissonError('unavailable', 'the provider does not answer');
  };
  const fake: FakeIdentityProvider = {
    people: new Map(),
    logouts: new Map(),
    isDown: false,
    async ask(provider, redirectUri) {
      mustAnswer();
      const state = `state-${++count}`;
      return { url: `${provider.issuer}/authorize?state=${state}`, proof: { state, nonce: 'nonce', verifier: 'verifier', redirectUri } };
    },
    async identify(_provider, _proof, { code = '' }) {
      mustAnswer();
      const identity = fake.people.get(code);
      if (!identity) throw new CaissonError('unauthorized', 'the provider says no');
      return identity;
    },
    async readLogout(_provider, token) {
      mustAnswer();
      const logout = fake.logouts.get(token);
      if (!logout) throw new CaissonError('untrusted', 'it is not believed');
      return logout;
    },
    async check({ issuer }) {
      mustAnswer();
      return { issuer, authorizationEndpoint: `${issuer}/authorize`, keys: 1, endsSessions: false, tellsOfLogouts: false };
    },
  };
  return fake;
}
