// Signing in by OpenID Connect: what does it is loaded by the first who asks.
import type { IdentityProvider } from '../identity-provider.ts';
import type { LogoutTokens } from './oidc-logout.ts';

/** `timeoutMs` is for each request. */
export function createOidcProvider({ timeoutMs = 10_000 }: { timeoutMs?: number } = {}): IdentityProvider {
  const load = () => import('./oidc-flow.ts');
  let tokens: Promise<LogoutTokens> | undefined;
  return {
    ask: async (provider, redirectUri) => (await load()).ask(provider, redirectUri, timeoutMs),
    identify: async (provider, proof, answer) => (await load()).identify(provider, proof, answer, timeoutMs),
    readLogout: async (provider, token, now) => {
      tokens ??= import('./oidc-logout.ts').then((module) => new module.LogoutTokens(timeoutMs));
      return (await tokens).read(provider, token, now);
    },
    check: async (provider) => (await load()).check(provider, timeoutMs),
  };
}
