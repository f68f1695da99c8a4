// Making certificates with the program `openssl`: the runtime has keys and signatures, but cannot write an X.509 certificate. Everything goes to
// it by a configuration file of ours; nothing of the system's configuration counts.
import { generateKeyPair, randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { run } from '../../lib/exec.ts';
import type { CertificateNames } from './certificate-names.ts';

const program = '/usr/bin/openssl';

/** A P-256 key as PEM: what every browser and library takes. */
export async function makeKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'prime256v1' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

export interface AuthorityRequest {
  /** Folder for the configuration, while it is needed. */
  folder: string;
  keyPath: string;
  /** Shown to whoever imports it. */
  commonName: string;
  days: number;
}

/** The certificate of an authority that can sign for hosts, and for no other authority. PEM. */
export async function makeAuthority({ folder, keyPath, commonName, days }: AuthorityRequest): Promise<string> {
  const configuration = `${requestOf(commonName)}[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
`;
  return withConfiguration(folder, configuration, async (path) => {
    const how = ['-config', path, '-extensions', 'authority', '-sha256', '-days', String(days), '-set_serial', newSerial()];
    return (await run([program, 'req', '-x509', '-new', '-key', keyPath, ...how])).stdout;
  });
}

export interface CertificateRequest {
  folder: string;
  keyPath: string;
  names: CertificateNames;
  commonName: string;
  days: number;
  authority: { certificatePath: string; keyPath: string };
}

/** The certificate of a server, signed by the authority. PEM. */
export async function issueCertificate({ folder, keyPath, names, commonName, days, authority }: CertificateRequest): Promise<string> {
  const configuration = `${requestOf(commonName)}[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = @names
[names]
${names.dns.map((name, index) => `DNS.${index} = ${name}`).join('\n')}
${names.ip.map((address, index) => `IP.${index} = ${address}`).join('\n')}
`;
  return withConfiguration(folder, configuration, async (path) => {
    const request = await run([program, 'req', '-new', '-key', keyPath, '-config', path]);
    const signer = ['-CA', authority.certificatePath, '-CAkey', authority.keyPath, '-set_serial', newSerial()];
    const how = ['-sha256', '-days', String(days), '-extfile', path, '-extensions', 'server'];
    return (await run([program, 'x509', '-req', ...signer, ...how], { input: request.stdout })).stdout;
  });
}

export interface ProofRequest {
  folder: string;
  keyPath: string;
  name: string;
  /** What the authority expects: SHA-256 of token and account. */
  digest: Buffer;
}

/** A certificate that proves to an ACME authority that a name is here (tls-alpn-01, RFC 8737), and nothing to anybody else. PEM. */
export async function makeProofCertificate({ folder, keyPath, name, digest }: ProofRequest): Promise<string> {
  // 04 20: an octet string of 32 bytes.
  const configuration = `${requestOf('proof')}[proof]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:${name}
1.3.6.1.5.5.7.1.31 = critical, DER:0420${digest.toString('hex')}
`;
  return withConfiguration(folder, configuration, async (path) => {
    const how = ['-config', path, '-extensions', 'proof', '-sha256', '-days', '2', '-set_serial', newSerial()];
    return (await run([program, 'req', '-x509', '-new', '-key', keyPath, ...how])).stdout;
  });
}

/** The head of each configuration: who it is for. */
function requestOf(commonName: string): string {
  return `[req]
prompt = no
distinguished_name = name
string_mask = utf8only
utf8 = yes
[name]
CN = ${quoted(commonName)}
`;
}

/** What an authority is asked to sign, for these names in DNS. DER. */
export async function makeRequest({
  folder,
  keyPath,
  names,
}: {
  folder: string;
  keyPath: string;
  names: readonly string[];
}): Promise<Buffer> {
  const configuration = `${requestOf(names.find((name) => name.length <= 64) ?? 'Caisson')}[request]
subjectAltName = @names
[names]
${names.map((name, index) => `DNS.${index} = ${name}`).join('\n')}
`;
  return withConfiguration(folder, configuration, async (path) => {
    const { stdout } = await run([program, 'req', '-new', '-key', keyPath, '-config', path, '-reqexts', 'request']);
    return Buffer.from(stdout.replaceAll(/-----[^-]+-----/g, ''), 'base64');
  });
}

async function withConfiguration<T>(folder: string, text: string, work: (path: string) => Promise<T>): Promise<T> {
  const path = join(folder, 'openssl.cnf');
  await writeFile(path, text, { mode: 0o600 });
  try {
    return await work(path);
  } finally {
    await rm(path, { force: true });
  }
}

/** Positive, and no longer than the standard allows. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return `0x${bytes.toString('hex')}`;
}

/** A value that means itself in openssl's configuration, at most as long as a common name may be. */
function quoted(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9 .()-]/g, '_').slice(0, 64);
}
