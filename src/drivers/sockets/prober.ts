// Asking services over the daemon's own sockets: the daemon lives in the guests' network, so what it reaches the host reaches.
import { Resolver } from 'node:dns/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describeError } from '../../lib/errors.ts';
import type { NetworkCheck, ProbeResult, Prober } from '../prober.ts';

const maxAnswerBytes = 64 * 1024;

interface Options {
  timeoutMs: number;
  signal?: AbortSignal;
}

/** `elsewhere`: trying from places where the daemon is not. */
export function createSocketProber(elsewhere: Omit<Prober, 'check' | 'ownAddresses'>): Prober {
  return {
    ...elsewhere,
    ownAddresses: () => Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address)),
    async check(check, address, options) {
      const limit = AbortSignal.timeout(options.timeoutMs);
      const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
      try {
        return await ask(check, address, { ...options, signal });
      } catch (error) {
        return { ok: false, why: limit.aborted ? `no answer within ${options.timeoutMs} ms` : plainWords(error) };
      }
    },
  };
}

function ask(check: NetworkCheck, address: string, options: Options): Promise<ProbeResult> {
  if ('tcp' in check) return askTcp(check.tcp, address, options);
  if ('http' in check) return askHttp(check.http, address, options);
  return askDns(check.dns, address, options);
}

async function askTcp(check: Extract<NetworkCheck, { tcp: unknown }>['tcp'], address: string, { signal }: Options): Promise<ProbeResult> {
  const socket = connect({ host: address, port: check.port, ...(signal ? { signal } : {}) });
  const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>();
  let answer = '';
  socket.on('error', reject);
  socket.on('connect', () => {
    if (check.send !== undefined) socket.write(check.send);
    if (check.expect === undefined) resolve({ ok: true });
  });
  socket.on('data', (chunk: Buffer) => {
    answer = (answer + chunk.toString('latin1')).slice(0, maxAnswerBytes);
    if (check.expect !== undefined && answer.includes(check.expect)) resolve({ ok: true });
  });
  socket.on('end', () => resolve({ ok: false, why: `the connection ended after ${quote(answer)}, “${check.expect}” was expected` }));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

async function askHttp(
  check: Extract<NetworkCheck, { http: unknown }>['http'],
  address: string,
  { signal }: Options,
): Promise<ProbeResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>();
  const host = address.includes(':') ? `[${address}]` : address;
  const asked = request(
    {
      host: address,
      port: check.port,
      path: check.path,
      agent: false,
      headers: { host, connection: 'close' },
      ...(signal ? { signal } : {}),
    },
    (response) => {
      if (response.statusCode !== check.status) {
        resolve({ ok: false, why: `status ${response.statusCode}, ${check.status} was expected` });
        return;
      }
      const { contains } = check;
      if (contains === undefined) {
        resolve({ ok: true });
        return;
      }
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString('utf8');
        if (body.includes(contains)) resolve({ ok: true });
        else if (body.length > maxAnswerBytes) resolve({ ok: false, why: `the answer does not contain “${contains}”` });
      });
      response.on('end', () => resolve({ ok: false, why: `the answer does not contain “${contains}”` }));
      response.on('error', reject);
    },
  );
  asked.on('error', reject);
  asked.end();
  try {
    return await promise;
  } finally {
    asked.destroy();
  }
}

async function askDns(
  check: Extract<NetworkCheck, { dns: unknown }>['dns'],
  address: string,
  { signal, timeoutMs }: Options,
): Promise<ProbeResult> {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
  resolver.setServers([`${address.includes(':') ? `[${address}]` : address}:${check.port}`]);
  const abort = () => resolver.cancel();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const records: unknown = await resolver.resolve(check.name, check.type);
    if (Array.isArray(records) && records.length === 0) return { ok: false, why: 'the answer is empty' };
    const { expect } = check;
    if (expect === undefined || recordTexts(records).some((text) => text.includes(expect))) return { ok: true };
    return { ok: false, why: `no record contains “${expect}”, the first is ${quote(recordTexts(records)[0] ?? '')}` };
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** Each record as one line: a TXT record comes as pieces, an SOA or MX record as an object. */
function recordTexts(records: unknown): string[] {
  const list = Array.isArray(records) ? records : [records];
  return list.map((record) => {
    if (typeof record === 'string') return record;
    if (Array.isArray(record)) return record.join('');
    return Object.values(record as object).join(' ');
  });
}

const words: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no network to it',
  ETIMEDOUT: 'no answer',
  ETIMEOUT: 'no answer',
  ENOTFOUND: 'the name is not known there',
  ENODATA: 'no record of that type',
  ESERVFAIL: 'the server failed',
  EREFUSED: 'the server refused',
};

function plainWords(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  return (code !== undefined && words[code]) || describeError(error);
}

function quote(text: string): string {
  return text === '' ? 'nothing' : JSON.stringify(text.slice(0, 80));
}
