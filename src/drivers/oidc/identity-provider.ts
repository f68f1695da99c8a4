// Signing in by OpenID Connect: what does it is loaded by the first who asks.
import type { IdentityProvider } from '../identity-provider.ts';

/** `timeoutMs` is for each request. */
export function createOidcProvider({ timeoutMs = 10_000 }: { timeoutMs?: number } = {}): IdentityProvider {
  const load = () => import('./oidc-flow.ts');
  return {
    ask: async (provider, redirectUri) => (await load()).ask(provider, redirectUri, timeoutMs),
    identify: async (provider, proof, answer) => (await load()).identify(provider, proof, answer, timeoutMs),
    check: async (provider) => (await load()).check(provider, timeoutMs),
  };
}
