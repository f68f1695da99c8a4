// The authorization code flow with PKCE, state and nonce, by the library `oauth4webapi`. What is kept true: the ID token is signed by a key that the
// issuer publishes now, with an algorithm of public keys, for this client, for this question, and not over. The issuer’s description and keys are
// asked for each time: two requests more for a sign-in, and keys that rotate need nobody to notice.
import * as oauth from 'oauth4webapi';
import { boundedRequest } from '../../lib/bounded-request.ts';
import { CaissonError, describeError } from '../../lib/errors.ts';
import { harmlessLine } from '../../lib/harmless.ts';
import type { ProviderAnswer, ProviderCheck, ProviderRecord } from '../../model/identity-provider.ts';
import type { Identity, ProviderProof, ProviderQuestion } from '../identity-provider.ts';

export const mostBytes = 1024 * 1024;
/** More than anybody’s groups. */
const mostGroups = 1000;

/** Those of public keys: what only the issuer can have signed. */
const algorithms: readonly string[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA'];

export async function ask(provider: ProviderRecord, redirectUri: string, timeoutMs: number): Promise<ProviderQuestion> {
  const { server } = await discover(provider, timeoutMs);
  const proof: ProviderProof = {
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    verifier: oauth.generateRandomCodeVerifier(),
    redirectUri,
  };
  const url = new URL(server.authorization_endpoint ?? '');
  for (const [name, value] of Object.entries({
    response_type: 'code',
    client_id: provider.clientId,
    redirect_uri: redirectUri,
    scope: ['openid', ...provider.scopes].join(' '),
    state: proof.state,
    nonce: proof.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(proof.verifier),
    code_challenge_method: 'S256',
  }))
    url.searchParams.set(name, value);
  return { url: url.href, proof };
}

export async function identify(
  provider: ProviderRecord,
  proof: ProviderProof,
  answer: ProviderAnswer,
  timeoutMs: number,
): Promise<Identity> {
  const { server, options } = await discover(provider, timeoutMs);
  const client: oauth.Client = { client_id: provider.clientId };
  const answered = new URL(proof.redirectUri);
  for (const [name, value] of Object.entries(answer)) if (value !== undefined) answered.searchParams.set(name, value);
  const claims = await believing(provider, async (): Promise<Claims> => {
    const parameters = oauth.validateAuthResponse(server, client, answered, proof.state);
    const secret = provider.clientSecret;
    const authentication = secret === undefined ? oauth.None() : clientAuthentication(server, secret);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      parameters,
      proof.redirectUri,
      proof.verifier,
      options,
    );
    const result = await oauth.processAuthorizationCodeResponse(server, client, response, {
      expectedNonce: proof.nonce,
      requireIdToken: true,
    });
    // What came over TLS from the issuer counts for the library; here the signature decides.
    await oauth.validateApplicationLevelSignature(server, response, options);
    const found = oauth.getValidatedIdTokenClaims(result);
    if (!found) throw new CaissonError('untrusted', 'there is no ID token in its answer');
    // Some tell the rest only when they are asked once more.
    const lacks = [provider.userClaim, provider.groupsClaim].some((name) => found[name] === undefined);
    if (!lacks || server.userinfo_endpoint === undefined) return found;
    const more = await oauth.userInfoRequest(server, client, result.access_token, options);
    return { ...(await oauth.processUserInfoResponse(server, client, found.sub, more)), ...found };
  });
  return identityOf(provider, claims, server);
}

export async function check(provider: ProviderRecord, timeoutMs: number): Promise<ProviderCheck> {
  const { server } = await discover(provider, timeoutMs);
  const url = new URL(server.jwks_uri ?? '');
  const answer = await believing(provider, () => boundedRequest({ url, method: 'GET', timeoutMs, mostBytes }));
  const { keys } = parseJson(provider, answer.body) as { keys?: { kty?: string; use?: string }[] };
  const usable = Array.isArray(keys) ? keys.filter(({ kty, use }) => kty !== 'oct' && (use ?? 'sig') === 'sig') : [];
  if (usable.length === 0) throw wrong(provider, 'it publishes no key by which its signatures could be checked');
  return {
    issuer: server.issuer,
    authorizationEndpoint: server.authorization_endpoint ?? '',
    keys: usable.length,
    endsSessions: server.end_session_endpoint !== undefined,
    tellsOfLogouts: server.backchannel_logout_supported === true,
  };
}

interface Discovered {
  server: oauth.AuthorizationServer;
  options: { [oauth.customFetch]: BoundedFetch; [oauth.allowInsecureRequests]: boolean };
}

type Claims = Readonly<Record<string, unknown>> & { sub: string };

export async function discover(provider: ProviderRecord, timeoutMs: number): Promise<Discovered> {
  const issuer = new URL(provider.issuer);
  // Plain HTTP is for an issuer on this machine alone, as the settings allow it.
  const isPlain = issuer.protocol === 'http:';
  const options = { [oauth.customFetch]: boundedFetch(timeoutMs), [oauth.allowInsecureRequests]: isPlain };
  const server = await believing(provider, async () =>
    oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oidc' })),
  );
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) {
    const url = URL.parse(server[name] ?? '');
    if (!url || (url.protocol !== 'https:' && !(isPlain && url.protocol === 'http:')))
      throw wrong(provider, `its description has no ${name} that begins with https://`);
  }
  const offered = server.id_token_signing_alg_values_supported ?? ['RS256'];
  const usable = offered.filter((name) => algorithms.includes(name));
  if (usable.length === 0) throw wrong(provider, `it signs by ${offered.join(', ')} alone, and not by a public key`);
  return { server: { ...server, id_token_signing_alg_values_supported: usable }, options };
}

/** As the provider wants it; where it says nothing, as the standard does. */
function clientAuthentication(server: oauth.AuthorizationServer, secret: string): oauth.ClientAuth {
  const offered = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  return offered.includes('client_secret_basic') ? oauth.ClientSecretBasic(secret) : oauth.ClientSecretPost(secret);
}

function identityOf(provider: ProviderRecord, claims: Claims, server: oauth.AuthorizationServer): Identity {
  const text = (name: string) => (typeof claims[name] === 'string' ? claims[name] : undefined);
  const groups = claims[provider.groupsClaim];
  return {
    subject: claims.sub,
    userName: text(provider.userClaim),
    fullName: text('name'),
    groups: (Array.isArray(groups) ? groups : [groups]).filter((group): group is string => typeof group === 'string').slice(0, mostGroups),
    endSessionUrl: endSessionUrl(provider, server),
    sid: text('sid'),
  };
}

function endSessionUrl({ clientId }: ProviderRecord, { end_session_endpoint: endpoint }: oauth.AuthorizationServer): string | undefined {
  const url = URL.parse(endpoint ?? '');
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined;
  url.searchParams.set('client_id', clientId);
  return url.href;
}

/** What the library or the provider refuses, in words that say whose it is to mend. */
export async function believing<T>(provider: ProviderRecord, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof CaissonError && cause.code === 'unavailable')
      throw new CaissonError('unavailable', `“${provider.label}” does not answer: try again, or sign in with a password`, { cause });
    if (cause instanceof oauth.AuthorizationResponseError)
      throw new CaissonError('unauthorized', `“${provider.label}” says no: ${said(cause.error, cause.error_description)}`);
    if (cause instanceof oauth.ResponseBodyError)
      throw new CaissonError(
        cause.error === 'invalid_grant' ? 'unauthorized' : 'untrusted',
        `“${provider.label}” refuses to tell who this is: ${said(cause.error, cause.error_description)}${
          cause.error === 'invalid_client' ? '; an administrator sets another secret with “caisson oidc set”' : ''
        }`,
      );
    throw wrong(provider, describeError(cause));
  }
}

function said(error: string, description: string | undefined): string {
  return harmlessLine(description === undefined ? error : `${error}, ${description}`).slice(0, 300);
}

export function wrong({ label }: ProviderRecord, why: string): CaissonError {
  return new CaissonError('untrusted', `the answer of “${label}” is not believed: ${harmlessLine(why).slice(0, 300)}`);
}

export function parseJson(provider: ProviderRecord, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) ?? {};
  } catch {
    throw wrong(provider, 'it is no JSON');
  }
}

type BoundedFetch = (url: string, options: oauth.CustomFetchOptions<string, unknown>) => Promise<Response>;

/** In place of the runtime’s own, which reads without end. */
function boundedFetch(timeoutMs: number): BoundedFetch {
  return async (url, { method, headers, body }) => {
    const sent = body instanceof URLSearchParams ? body.toString() : undefined;
    const answer = await boundedRequest({ url: new URL(url), method, headers, body: sent, timeoutMs, mostBytes });
    const contentType = answer.headers['content-type'];
    return new Response(new Uint8Array(answer.body), {
      status: answer.status,
      headers: contentType === undefined ? {} : { 'content-type': contentType },
    });
  };
}
