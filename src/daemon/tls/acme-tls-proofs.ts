// Proofs by tls-alpn-01 (RFC 8737): a certificate for each name that is to be proved, made when it is asked for and shown by the TLS listeners to whoever asks for
// that name and the protocol `acme-tls/1` alone.
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../../lib/durable-file.ts';
import type { AcmeProof, AcmeProofs } from './acme-client.ts';
import { makeKey, makeProofCertificate } from './openssl.ts';
import { parseIdentity, type TlsIdentity } from './tls-identity.ts';

export class TlsProofs implements AcmeProofs {
  readonly kind = 'tls-alpn-01';
  readonly #folder: string;
  readonly #shown = new Map<string, TlsIdentity>();

  /** `folder`: for the key, while the certificate is made. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  get identities(): ReadonlyMap<string, TlsIdentity> {
    return this.#shown;
  }

  needs(name: string): string {
    return `port 443 of ${name} must reach a --listen of this host; or give --acme-listen, for a proof by port 80`;
  }

  async show({ name, text }: AcmeProof): Promise<void> {
    const key = await makeKey();
    const keyPath = join(this.#folder, 'proof-key.pem');
    await writeDurably(keyPath, key, 0o600);
    try {
      const digest = createHash('sha256').update(text).digest();
      const certificate = await makeProofCertificate({ folder: this.#folder, keyPath, name, digest });
      this.#shown.set(name, parseIdentity(certificate, key, { certificate: 'the proof', key: 'its key' }));
    } finally {
      await rm(keyPath, { force: true });
    }
  }

  hide({ name }: AcmeProof): void {
    this.#shown.delete(name);
  }

  close(): void {
    this.#shown.clear();
  }
}
