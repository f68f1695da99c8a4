// A certificate by ACME beside the host's own: shown to whoever asks for one of its names, while the host's own is shown to everybody else, until there
// is one, and when it has ended. Got anew when a third of its life is left; after a failure later and later, at last twice a day. Files in D/tls/acme/:
//
// | account.pem | the key by which the ACME server knows this host |
// | current.pem | key and certificates, in one file so that they always fit each other |
// | state.json | how often it failed since, why, and when it is tried again: a daemon that starts again and again does not ask as often |
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { writeDurably } from '../../lib/durable-file.ts';
import { CaissonError, describeError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { readIfThere } from '../../lib/read-if-there.ts';
import type { AcmeOptions } from '../command-line.ts';
import type { HostCertificate } from '../../model/host-certificate.ts';
import { type AcmeProofs, type AcmeServer, orderCertificate } from './acme-client.ts';
import { type AcmePlace, openProofListeners } from './acme-proofs.ts';
import { TlsProofs } from './acme-tls-proofs.ts';
import { isNameOf } from './certificate-names.ts';
import { describeIdentity } from './describe-identity.ts';
import { makeKey, makeRequest } from './openssl.ts';
import { parseIdentity, type TlsIdentity } from './tls-identity.ts';
import type { TlsSource } from './tls-source.ts';

export interface AcmeSettings extends AcmeServer {
  names: readonly string[];
}

export interface AcmeCertificateOptions {
  own: TlsSource;
  settings: AcmeSettings;
  /** Where proofs are shown over HTTP; none: the listeners with TLS show them. */
  places: readonly AcmePlace[];
  dataDirectory: string;
  clock: Clock;
  log: Log;
  /** After the first failure; then twice as much each time. */
  firstRetryMs?: number;
}

/** Over HTTP, or by TLS: then what is shown. */
type Proofs = AcmeProofs & { identities?: ReadonlyMap<string, TlsIdentity>; close(): void };

const mostRetryMs = 12 * 3_600_000;
const lookEveryMs = 6 * 3_600_000;

interface State {
  failures: number;
  /** Milliseconds since 1970. */
  nextTryAt: number;
  why: string;
}

/** As they were given; the file with authorities is read once. */
export async function readAcmeSettings({ directory, names, contacts, authoritiesFile }: AcmeOptions): Promise<AcmeSettings> {
  if (authoritiesFile === undefined) return { directory, names, contacts };
  const authorities = await readFile(authoritiesFile, 'utf8').catch((cause: unknown) => {
    throw new CaissonError('failed', `${authoritiesFile} (--acme-ca) cannot be read by the daemon’s user`, { cause });
  });
  return { directory, names, contacts, authorities };
}

/** Returns at once: the host's own certificate is there meanwhile. Throws `failed` when a place for proofs cannot be listened on. */
export async function openAcmeCertificate(options: AcmeCertificateOptions): Promise<AcmeCertificate> {
  const folder = join(options.dataDirectory, 'tls/acme');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const proofs = options.places.length > 0 ? await openProofListeners(options.places) : new TlsProofs(folder);
  const certificate = new AcmeCertificate(folder, options, proofs);
  await certificate.begin();
  return certificate;
}

export class AcmeCertificate implements TlsSource {
  readonly #folder: string;
  readonly #options: AcmeCertificateOptions;
  readonly #proofs: Proofs;
  readonly #listeners = new Set<(identity: TlsIdentity) => void>();
  readonly #ending = new AbortController();
  #got: TlsIdentity | undefined;
  #state: State | undefined;
  #working: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: string, options: AcmeCertificateOptions, proofs: Proofs) {
    this.#folder = folder;
    this.#options = options;
    this.#proofs = proofs;
  }

  async begin(): Promise<void> {
    const { log } = this.#options;
    const path = this.#path('current.pem');
    const text = await readIfThere(path);
    if (text !== undefined) {
      try {
        this.#got = parseIdentity(text, text, { certificate: path, key: path });
      } catch (error) {
        log.warn('the certificate of before cannot be used, and is got anew', { error });
      }
    }
    this.#state = readState(await readIfThere(this.#path('state.json')));
    this.#schedule(0);
  }

  get identity(): TlsIdentity {
    return this.#options.own.identity;
  }

  get named(): TlsIdentity | undefined {
    const { clock } = this.#options;
    return this.#got && this.#got.certificate.validToDate.getTime() > clock.now() ? this.#got : undefined;
  }

  get proofs(): ReadonlyMap<string, TlsIdentity> | undefined {
    return this.#proofs.identities;
  }

  describe(): HostCertificate {
    const { own, settings } = this.#options;
    const got = this.named && describeIdentity(this.named, 'own');
    return {
      ...own.describe(),
      acme: {
        directory: settings.directory,
        names: [...settings.names],
        ...(got ? { fingerprint: got.fingerprint, issuer: got.issuer, until: got.until } : {}),
        ...(this.#state ? { problem: this.#state.why, nextTryAt: new Date(this.#state.nextTryAt).toISOString() } : {}),
      },
    };
  }

  onChange(listener: (identity: TlsIdentity) => void): () => void {
    this.#listeners.add(listener);
    const stop = this.#options.own.onChange(listener);
    return () => {
      this.#listeners.delete(listener);
      stop();
    };
  }

  /** Looks whether it is time, and waits for what that does. */
  async refresh(): Promise<void> {
    await this.#options.own.refresh();
    await this.#look();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#ending.abort(new CaissonError('unavailable', 'the daemon is ending'));
    this.#proofs.close();
    this.#listeners.clear();
    this.#options.own.close();
  }

  #look(): Promise<void> {
    this.#working ??= this.#renewIfDue().finally(() => (this.#working = undefined));
    return this.#working;
  }

  async #renewIfDue(): Promise<void> {
    const { clock, log, firstRetryMs = 60_000 } = this.#options;
    if (!this.#isDue() || (this.#state?.nextTryAt ?? 0) > clock.now()) return this.#schedule(this.#waitMs());
    try {
      const identity = await this.#order();
      this.#got = identity;
      await this.#keepState(undefined);
      const { fingerprint256: fingerprint, validTo: until } = identity.certificate;
      log.info('a certificate was got by ACME', { names: this.#options.settings.names, fingerprint, until });
      for (const listener of this.#listeners) listener(identity);
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      const failures = (this.#state?.failures ?? 0) + 1;
      const wait = Math.min(firstRetryMs * 2 ** Math.min(failures - 1, 20), mostRetryMs);
      const state = { failures, nextTryAt: clock.now() + wait, why: describeError(error) };
      const inUse = this.named ? 'the one of before' : 'the host’s own';
      log.error(`no certificate was got by ACME; ${inUse} stays in use`, {
        error,
        failures,
        nextTryAt: new Date(state.nextTryAt).toISOString(),
      });
      await this.#keepState(state).catch((cause: unknown) => log.error('that could not be written', { error: cause }));
    }
    this.#schedule(this.#waitMs());
  }

  /** There is none for these names, or a third of its life is left. */
  #isDue(): boolean {
    const { settings, clock } = this.#options;
    const certificate = this.#got?.certificate;
    if (!certificate || !settings.names.every((name) => isNameOf(certificate, name))) return true;
    const { validFromDate: from, validToDate: until } = certificate;
    return until.getTime() - clock.now() < (until.getTime() - from.getTime()) / 3;
  }

  #waitMs(): number {
    const left = (this.#state?.nextTryAt ?? Infinity) - this.#options.clock.now();
    return Math.min(Math.max(left, 1000), lookEveryMs);
  }

  async #order(): Promise<TlsIdentity> {
    const { settings, clock } = this.#options;
    const accountKey = await this.#accountKey();
    const key = await makeKey();
    const keyPath = this.#path('next-key.pem');
    await writeDurably(keyPath, key, 0o600);
    const request = await makeRequest({ folder: this.#folder, keyPath, names: settings.names }).finally(() => rm(keyPath, { force: true }));
    const chain = await orderCertificate(
      { server: settings, accountKey, clock, signal: this.#ending.signal },
      { names: settings.names, request, proofs: this.#proofs },
    );
    const identity = parseIdentity(chain, key, { certificate: `what ${settings.directory} sent`, key: 'the new key' });
    const missing = settings.names.filter((name) => !isNameOf(identity.certificate, name));
    if (missing.length > 0) throw new CaissonError('failed', `the certificate that came is not for ${missing.join(', ')}`);
    if (identity.certificate.validToDate.getTime() <= clock.now())
      throw new CaissonError('failed', 'the certificate that came has ended already: is the clock of this host right?');
    this.#ending.signal.throwIfAborted();
    await writeDurably(this.#path('current.pem'), `${key.trim()}\n${chain.trim()}\n`, 0o600);
    return identity;
  }

  async #accountKey(): Promise<string> {
    const path = this.#path('account.pem');
    const kept = await readIfThere(path);
    if (kept !== undefined) return kept;
    const made = await makeKey();
    await writeDurably(path, made, 0o600);
    return made;
  }

  async #keepState(state: State | undefined): Promise<void> {
    this.#state = state;
    await writeDurably(this.#path('state.json'), `${JSON.stringify(state ?? {})}\n`);
  }

  #schedule(ms: number): void {
    if (this.#ending.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), ms);
    this.#timer.unref();
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

/** What cannot be read is as if it had never failed. */
function readState(text: string | undefined): State | undefined {
  try {
    const { failures, nextTryAt, why } = JSON.parse(text ?? '{}') as Partial<State>;
    if (typeof failures === 'number' && typeof nextTryAt === 'number' && typeof why === 'string') return { failures, nextTryAt, why };
  } catch {
    // As above.
  }
  return undefined;
}
