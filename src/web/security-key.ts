// Security keys in the browser: what the daemon asks for, as the browser’s own API wants it, and back.
import { CaissonError } from '../lib/errors.ts';
import type { KeyCreationOptions, KeyRequest } from '../model/security-key.ts';

/** Undefined where browsers do not have it: over plain HTTP, but for this machine’s own. An address can be no key’s host. */
export function keysArePossible(): boolean {
  const isAddress = /^\[|^[\d.]+$/.test(location.hostname);
  return typeof PublicKeyCredential !== 'undefined' && !isAddress;
}

/** Throws `cancelled` when the browser has nothing to send. */
export async function createKey(options: KeyCreationOptions): Promise<{ clientData: string; attestation: string }> {
  const credential = await navigator.credentials
    .create({
      publicKey: {
        challenge: fromBase64Url(options.challenge),
        rp: { id: options.host, name: options.site },
        user: { id: fromBase64Url(options.handle), name: options.user, displayName: options.user },
        pubKeyCredParams: options.algorithms.map((alg) => ({ type: 'public-key', alg })),
        excludeCredentials: options.exclude.map((id) => ({ type: 'public-key', id: fromBase64Url(id) })),
        authenticatorSelection: { residentKey: 'discouraged', userVerification: 'discouraged' },
        attestation: 'none',
        timeout: options.timeoutMs,
      },
    })
    .catch(throwFailure);
  const response = (credential as PublicKeyCredential).response as AuthenticatorAttestationResponse;
  return { clientData: toBase64Url(response.clientDataJSON), attestation: toBase64Url(response.attestationObject) };
}

/** Throws as createKey does. */
export async function signWithKey({ challenge, host, keys, timeoutMs }: KeyRequest): Promise<{
  id: string;
  clientData: string;
  authenticatorData: string;
  signature: string;
}> {
  const credential = await navigator.credentials
    .get({
      publicKey: {
        challenge: fromBase64Url(challenge),
        rpId: host,
        allowCredentials: keys.map((id) => ({ type: 'public-key', id: fromBase64Url(id) })),
        userVerification: 'discouraged',
        timeout: timeoutMs,
      },
    })
    .catch(throwFailure);
  const { rawId, response } = credential as PublicKeyCredential;
  const { clientDataJSON, authenticatorData, signature } = response as AuthenticatorAssertionResponse;
  return {
    id: toBase64Url(rawId),
    clientData: toBase64Url(clientDataJSON),
    authenticatorData: toBase64Url(authenticatorData),
    signature: toBase64Url(signature),
  };
}

function throwFailure(cause: unknown): never {
  const why =
    (cause as DOMException).name === 'InvalidStateError'
      ? 'this security key is one of yours already'
      : 'the browser got no answer of a security key: it was not touched in time, or is none of those that may be used';
  throw new CaissonError('cancelled', why, { cause });
}

function toBase64Url(buffer: ArrayBuffer): string {
  const text = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
}
