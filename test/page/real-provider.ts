// A certified provider of identities (`oidc-provider`) on the loopback: whoever types a name is that person, any password will do.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

export interface RealProvider {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** What its people belong to, by their name. */
  groups: Map<string, string[]>;
  /** From now on it answers nobody; its port stays its own. */
  fallSilent(): void;
  close(): Promise<void>;
}

export async function openRealProvider(redirectUri: string): Promise<RealProvider> {
  const groups = new Map<string, string[]>();
  const clientId = 'caisson';
  const clientSecret = 'a secret that is known to the test and to the provider';
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [redirectUri],
        backchannel_logout_uri: `${redirectUri}v1/login/provider/logout`,
        backchannel_logout_session_required: true,
      },
    ],
    claims: { openid: ['sub'], profile: ['preferred_username', 'name', 'groups'] },
    cookies: { keys: ['of the test'] },
    // Its own refuses addresses of this machine, where the daemon is.
    fetch: (url: string, options: RequestInit) => fetch(url, { ...options, dispatcher: undefined as never }),
    features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true } },
    findAccount: (_context: unknown, name: string) => ({
      accountId: name,
      claims: () => ({ sub: name, preferred_username: name, name: `${name} of the provider`, groups: groups.get(name) ?? [] }),
    }),
  });
  server.on('request', provider.callback());
  return {
    issuer,
    clientId,
    clientSecret,
    groups,
    fallSilent() {
      server.on('connection', (socket) => socket.destroy());
      server.closeAllConnections();
    },
    async close() {
      const ended = Promise.withResolvers<void>();
      server.close(() => ended.resolve());
      server.closeAllConnections();
      await ended.promise;
    },
  };
}
