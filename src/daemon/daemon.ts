// The daemon as one value: an engine over its parts, behind the HTTP server. Real and simulated daemons differ in the parts alone.
import { Engine } from '../engine/engine.ts';
import type { EngineParts } from '../engine/parts.ts';
import { createAccessControl } from './access.ts';
import type { AuditLog } from '../store/audit-log.ts';
import { createHandlers, createStreams } from './handlers.ts';
import { AuditTrail } from './http/audit-trail.ts';
import { setUpLinks } from '../model/user.ts';
import { createHttpServer, type TcpPlace } from './http/http-server.ts';
import { Preconditions } from './http/preconditions.ts';
import { createVersions } from './versions.ts';
import { RequestKeys } from './http/request-keys.ts';
import { isLoopback } from '../lib/listen-address.ts';
import type { TlsSource } from './tls/tls-source.ts';

export interface DaemonOptions {
  parts: EngineParts;
  auditLog: AuditLog;
  /** Where it listens without a token. */
  socketPath?: string | undefined;
  /** Where it listens with `token`, and for users. */
  tcp?: readonly TcpPlace[] | undefined;
  token: string;
  /** Opened when it listens on an address that others can reach. */
  openTls?: (() => Promise<TlsSource>) | undefined;
  /** Folder of the page. */
  webRoot?: string | undefined;
  /** Tests: an answer that is not as its schema says is an error. */
  checkResponses?: boolean | undefined;
}

export interface Daemon {
  engine: Engine;
  /** `unix:/PATH`, `http://HOST:PORT` and `https://HOST:PORT`. */
  urls: string[];
  /** At the first start with an address for browsers: by which the first administrator is made. */
  setUpLinks: string[];
  /** Stops listening, ends streams, lets go of the guests, which run on, and writes what waits. The parts stay their owner's. */
  close(): Promise<void>;
}

/** Resolves once it listens. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { parts, auditLog, socketPath, tcp = [], token, webRoot, checkResponses } = options;
  const engine = await Engine.open(parts);
  const log = parts.log.child({ part: 'http' });
  const auditTrail = new AuditTrail(auditLog, log, (uid) => engine.guestName(uid));
  engine.jobs.watch((job) => auditTrail.jobEnded(job));
  const webUrls: string[] = [];
  const tls = await openTlsFor(tcp, options.openTls).catch(async (error: unknown) => {
    await engine.close();
    throw error;
  });
  const server = await createHttpServer({
    handlers: createHandlers(engine, { auditLog, auditTrail, urls: () => webUrls, tls }),
    streams: createStreams(engine),
    access: createAccessControl(engine),
    log,
    auditTrail,
    requestKeys: new RequestKeys(parts.journal, parts.clock),
    preconditions: new Preconditions(createVersions(engine)),
    webRoot,
    checkResponses,
    tls,
  });
  // A daemon’s log usually goes elsewhere: there the head proves that this log was not written anew.
  const tellHead = async () => log.info('the audit log ends', { ...(await auditLog.head()) });
  await tellHead();
  const sweeping = setInterval(() => {
    engine.access.sweep().catch((error: unknown) => log.error('sessions that are over could not be ended', { error }));
  }, sweepEveryMs);
  sweeping.unref();
  const close = async () => {
    clearInterval(sweeping);
    await server.close();
    tls?.close();
    await engine.close();
    await tellHead();
  };
  try {
    const urls: string[] = [];
    if (socketPath !== undefined) {
      await server.listenUnix(socketPath);
      urls.push(`unix:${socketPath}`);
    }
    for (const where of tcp) {
      const listening = await server.listenTcp(where, token);
      urls.push(urlOf(listening));
      webUrls.push(webUrlOf(listening, tls));
    }
    return { engine, urls, setUpLinks: await firstSetUp(engine, webUrls), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Sessions that are over end at the latest this much later. */
const sweepEveryMs = 5000;

async function firstSetUp(engine: Engine, urls: readonly string[]): Promise<string[]> {
  if (urls.length === 0 || !engine.access.users.needsFirstSetUp) return [];
  const { secret } = await engine.access.users.newSetUpSecret();
  return setUpLinks(urls, secret);
}

async function openTlsFor(tcp: readonly TcpPlace[], open: DaemonOptions['openTls']): Promise<TlsSource | undefined> {
  const isNeeded = tcp.some((where) => !isLoopback('fd' in where ? where.address : where.host));
  return isNeeded ? open?.() : undefined;
}

function urlOf({ address, port, scheme }: { address: string; port: number; scheme: string }): string {
  return `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** Where somebody else finds it: of all addresses together nobody can make a link, of a name of the certificate everybody. */
function webUrlOf(where: { address: string; port: number; scheme: string }, tls: TlsSource | undefined): string {
  const name = ['0.0.0.0', '::'].includes(where.address) ? tls?.describe().names.find((each) => each !== 'localhost') : undefined;
  return urlOf({ ...where, address: name ?? where.address });
}
