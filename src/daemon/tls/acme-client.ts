// Getting a certificate by ACME (RFC 8555): one account, an order for some names, a proof of each (http-01
// or tls-alpn-01), the certificate. Every request is signed by the
// account's key (ES256) and holds a number that the server gave and takes once.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { z } from 'zod';
import { type BoundedAnswer, boundedRequest } from '../../lib/bounded-request.ts';
import type { Clock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';
import { harmlessLine } from '../../lib/harmless.ts';

export interface AcmeServer {
  directory: string;
  /** PEM: trusted in place of the machine's authorities. */
  authorities?: string | undefined;
  /** `mailto:` addresses. */
  contacts: readonly string[];
}

export interface AcmeOptions {
  server: AcmeServer;
  /** PEM. */
  accountKey: string;
  clock: Clock;
  signal: AbortSignal;
}

export interface AcmeProof {
  /** In DNS, in lower case. */
  name: string;
  token: string;
  /** The token, bound to the account. */
  text: string;
}

/** Where proofs are shown. */
export interface AcmeProofs {
  kind: 'http-01' | 'tls-alpn-01';
  /** What has to reach this host for it: for who is told that it did not. */
  needs(name: string): string;
  show(proof: AcmeProof): Promise<void>;
  hide(proof: AcmeProof): void;
}

export interface AcmeOrder {
  names: readonly string[];
  /** DER: with exactly these names. */
  request: Buffer;
  proofs: AcmeProofs;
}

const timeoutMs = 30_000;
const mostBytes = 256 * 1024;
const mostNonces = 5;
const pollMs = 1000;
/** For the server to look at a proof, and to sign. */
const mostPolls = 90;

/** Of others: what is not known is left alone. */
const problemSchema = z.object({ type: z.string().optional(), detail: z.string().optional() });
const directorySchema = z.object({ newNonce: z.string(), newAccount: z.string(), newOrder: z.string() });
const orderSchema = z.object({
  status: z.string(),
  authorizations: z.array(z.string()).max(100),
  finalize: z.string(),
  certificate: z.string().optional(),
  error: problemSchema.optional(),
});
const authorizationSchema = z.object({
  status: z.string(),
  identifier: z.object({ value: z.string() }),
  challenges: z
    .array(z.object({ type: z.string(), url: z.string(), token: z.string().default(''), error: problemSchema.optional() }))
    .max(100),
});
const anySchema = z.object({});

/** The certificate with those between it and its authority, PEM. Throws `unavailable` or `failed`, in the server's words. */
export async function orderCertificate(options: AcmeOptions, { names, request, proofs }: AcmeOrder): Promise<string> {
  const client = await AcmeClient.open(options);
  const identifiers = names.map((value) => ({ type: 'dns', value }));
  const { location, value: order } = await client.post(client.directory.newOrder, { identifiers }, orderSchema);
  for (const url of order.authorizations) await prove(client, url, names, proofs);
  await client.post(order.finalize, { csr: request.toString('base64url') }, anySchema);
  const done = await client.poll(location, orderSchema, ({ status }) => status === 'valid' || status === 'invalid');
  if (done.status !== 'valid' || done.certificate === undefined)
    throw new CaissonError('failed', `${client.host} made no certificate: ${said(done.error?.detail)}`);
  return (await client.ask(done.certificate, '')).body.toString('utf8');
}

async function prove(client: AcmeClient, url: string, names: readonly string[], proofs: AcmeProofs): Promise<void> {
  const { value } = await client.post(url, '', authorizationSchema);
  if (value.status === 'valid') return;
  const challenge = value.challenges.find(({ type }) => type === proofs.kind);
  const name = value.identifier.value.toLowerCase();
  if (!names.includes(name)) throw new CaissonError('failed', `${client.host} wants a proof for ${said(name)}, which was not asked for`);
  if (!challenge || !/^[A-Za-z0-9_-]{1,200}$/.test(challenge.token)) {
    const others = value.challenges.map(({ type }) => type).join(', ');
    throw new CaissonError('failed', `${client.host} does not take a proof by ${proofs.kind} for ${name}; it takes ${said(others)}`);
  }
  const proof = { name, token: challenge.token, text: `${challenge.token}.${client.thumbprint}` };
  await proofs.show(proof);
  try {
    await client.post(challenge.url, {}, anySchema);
    const after = await client.poll(url, authorizationSchema, ({ status }) => status !== 'pending' && status !== 'processing');
    if (after.status === 'valid') return;
    const why = after.challenges.find(({ type }) => type === proofs.kind)?.error?.detail;
    throw new CaissonError('failed', `${client.host} does not believe that ${name} is here: ${said(why)}; ${proofs.needs(name)}`);
  } finally {
    proofs.hide(proof);
  }
}

class AcmeClient {
  readonly #options: AcmeOptions;
  readonly directory: z.output<typeof directorySchema>;
  readonly #key: KeyObject;
  readonly #jwk: { crv: string; kty: string; x: string; y: string };
  #account: string | undefined;
  #nonce: string | undefined;

  private constructor(options: AcmeOptions, directory: AcmeClient['directory']) {
    this.#options = options;
    this.directory = directory;
    this.#key = createPrivateKey(options.accountKey);
    const { crv = '', kty = '', x = '', y = '' } = createPublicKey(this.#key).export({ format: 'jwk' });
    this.#jwk = { crv, kty, x, y };
  }

  static async open(options: AcmeOptions): Promise<AcmeClient> {
    const { server } = options;
    const answer = await request(options, server.directory, 'GET');
    const directory = parse(server.directory, answer, directorySchema);
    const client = new AcmeClient(options, directory);
    // An account that is there is found by its key.
    const { location } = await client.post(directory.newAccount, { termsOfServiceAgreed: true, contact: server.contacts }, anySchema);
    client.#account = location;
    return client;
  }

  get host(): string {
    return new URL(this.#options.server.directory).host;
  }

  /** RFC 7638: the account's key in its canonical form. */
  get thumbprint(): string {
    return createHash('sha256').update(JSON.stringify(this.#jwk)).digest('base64url');
  }

  async post<T>(url: string, payload: object | '', schema: z.ZodType<T>): Promise<{ location: string; value: T }> {
    const answer = await this.ask(url, payload);
    return { location: answer.headers.location ?? url, value: parse(url, answer, schema) };
  }

  /** Until `isDone`; the server says how long to wait, within reason. */
  async poll<T>(url: string, schema: z.ZodType<T>, isDone: (value: T) => boolean): Promise<T> {
    for (let polls = 0; polls < mostPolls; polls++) {
      const answer = await this.ask(url, '');
      const value = parse(url, answer, schema);
      if (isDone(value)) return value;
      const after = Number(answer.headers['retry-after'] ?? 0);
      await this.#options.clock.sleep(Math.min(Math.max(pollMs, after * 1000 || 0), 10_000), this.#options.signal);
    }
    throw new CaissonError('timeout', `${this.host} does not come to an end with ${url}`);
  }

  /** Signed; an empty payload only asks. A number that the server does not take any more is replaced. */
  async ask(url: string, payload: object | ''): Promise<BoundedAnswer> {
    for (let tries = 1; ; tries++) {
      const answer = await request(this.#options, url, 'POST', await this.#sign(url, payload));
      const { 'replay-nonce': nonce } = answer.headers;
      this.#nonce = typeof nonce === 'string' ? nonce : undefined;
      if (answer.status >= 200 && answer.status < 300) return answer;
      const { type, detail } = problemOf(answer);
      if (type?.endsWith(':badNonce') && tries < mostNonces) continue;
      throw new CaissonError('failed', `${this.host} refuses: ${said(detail ?? `status ${answer.status}`)}`);
    }
  }

  async #sign(url: string, payload: object | ''): Promise<string> {
    const encode = (text: string) => Buffer.from(text).toString('base64url');
    const who = this.#account === undefined ? { jwk: this.#jwk } : { kid: this.#account };
    const head = encode(JSON.stringify({ alg: 'ES256', nonce: await this.#takeNonce(), url, ...who }));
    const body = payload === '' ? '' : encode(JSON.stringify(payload));
    const signature = sign('sha256', Buffer.from(`${head}.${body}`), { key: this.#key, dsaEncoding: 'ieee-p1363' });
    return JSON.stringify({ protected: head, payload: body, signature: signature.toString('base64url') });
  }

  async #takeNonce(): Promise<string> {
    const kept = this.#nonce;
    this.#nonce = undefined;
    if (kept !== undefined) return kept;
    const { headers } = await request(this.#options, this.directory.newNonce, 'HEAD');
    const nonce = headers['replay-nonce'];
    if (typeof nonce !== 'string') throw new CaissonError('failed', `${this.host} gives no number for the next request`);
    return nonce;
  }
}

function request({ server, signal }: AcmeOptions, url: string, method: string, body?: string): Promise<BoundedAnswer> {
  signal.throwIfAborted();
  const at = URL.parse(url);
  if (at?.protocol !== 'https:')
    throw new CaissonError('failed', `${harmlessLine(url).slice(0, 200)} is no address that begins with https://`);
  const { authorities } = server;
  return boundedRequest({ url: at, method, body, headers: { 'content-type': 'application/jose+json' }, timeoutMs, mostBytes, authorities });
}

/** Throws `failed` when it is not as the schema says. */
function parse<T>(url: string, { status, body }: BoundedAnswer, schema: z.ZodType<T>): T {
  const parsed = status < 300 ? schema.safeParse(json(body)) : undefined;
  if (parsed?.success) return parsed.data;
  throw new CaissonError('failed', `${harmlessLine(url).slice(0, 200)} does not answer as an ACME server does`);
}

function problemOf({ body }: BoundedAnswer): z.output<typeof problemSchema> {
  return problemSchema.safeParse(json(body)).data ?? {};
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function said(detail: string | undefined): string {
  return harmlessLine(detail ?? 'it does not say why').slice(0, 300);
}
