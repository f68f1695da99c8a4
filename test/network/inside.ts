// Runs inside a network namespace and does there what it is told, one JSON line a request: tries to reach others, listens, keeps
// connections, asks for names. What a guest would do, without a guest.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface Probe {
  protocol: 'tcp' | 'udp' | 'icmp';
  from?: string;
  to: string;
  port: number;
}

/** `open` and `closed` both mean that the other end was reached; `prohibited`: somebody between said no; `silent`: nobody said anything. */
export type ProbeResult = 'open' | 'closed' | 'prohibited' | 'silent';

export type Request =
  | { do: 'probe'; probes: Probe[]; timeoutMs: number }
  | { do: 'listen'; port: number }
  | { do: 'open'; key: string; to: string; port: number }
  | { do: 'say'; key: string; text: string; timeoutMs: number }
  | { do: 'shout'; from: string; to: string; port: number }
  | { do: 'heard'; port: number }
  | { do: 'resolve'; server: string; name: string; type: 'A' | 'AAAA' | 'PTR' };

const connections = new Map<string, { socket: Socket; received: string }>();
const heard = new Map<number, string[]>();
const results: Record<string, ProbeResult> = {
  ECONNREFUSED: 'closed',
  EHOSTUNREACH: 'prohibited',
  EACCES: 'prohibited',
  ENETUNREACH: 'prohibited',
};

async function answer(request: Request): Promise<unknown> {
  switch (request.do) {
    case 'probe':
      return probeAll(request.probes, request.timeoutMs);
    case 'listen':
      return listen(request.port);
    case 'open': {
      const socket = connect({ host: request.to, port: request.port });
      const kept = { socket, received: '' };
      socket.on('data', (data) => (kept.received += data.toString()));
      await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
      socket.on('error', () => undefined);
      connections.set(request.key, kept);
      return null;
    }
    case 'say': {
      const { key, text, timeoutMs } = request;
      const kept = connections.get(key);
      if (!kept) throw new Error(`no connection ${key}`);
      kept.socket.write(text);
      return within<string>(timeoutMs, 'silent', (done) => {
        const look = () => {
          if (kept.received.includes(text)) done(kept.received);
        };
        kept.socket.on('data', look);
      });
    }
    case 'shout': {
      const socket = createSocket(request.to.includes(':') ? 'udp6' : 'udp4');
      await new Promise<void>((resolve) => socket.bind(0, request.from, resolve));
      await new Promise<void>((resolve) => socket.send('hello', request.port, request.to, () => socket.close(resolve)));
      return null;
    }
    case 'heard':
      return heard.get(request.port) ?? [];
    case 'resolve': {
      const resolver = new Resolver({ timeout: 1000, tries: 1 });
      resolver.setServers([request.server.includes(':') ? `[${request.server}]` : request.server]);
      try {
        return await resolver.resolve(request.name, request.type);
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    }
  }
}

async function probeAll(probes: Probe[], timeoutMs: number): Promise<ProbeResult[]> {
  const answers: ProbeResult[] = [];
  let next = 0;
  const work = async () => {
    for (let at = next++; at < probes.length; at = next++) {
      const probe = probes[at] as Probe;
      answers[at] = await (probe.protocol === 'tcp'
        ? probeTcp(probe, timeoutMs)
        : probe.protocol === 'udp'
          ? probeUdp(probe, timeoutMs)
          : ping(probe));
    }
  };
  await Promise.all(Array.from({ length: 60 }, work));
  return answers;
}

async function probeTcp({ from, to, port }: Probe, timeoutMs: number): Promise<ProbeResult> {
  const socket = connect({ host: to, port, ...(from !== undefined && { localAddress: from }) });
  const result = await within<ProbeResult>(timeoutMs, 'silent', (done) => {
    socket.once('connect', () => done('open'));
    socket.once('error', (error: NodeJS.ErrnoException) => done(toResult(error)));
  });
  socket.on('error', () => undefined);
  socket.destroy();
  return result;
}

async function probeUdp({ from, to, port }: Probe, timeoutMs: number): Promise<ProbeResult> {
  const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
  const result = await within<ProbeResult>(timeoutMs, 'silent', (done) => {
    socket.once('error', (error: NodeJS.ErrnoException) => done(toResult(error)));
    socket.once('message', () => done('open'));
    const go = () => socket.connect(port, to, (error?: Error) => (error ? done(toResult(error)) : socket.send('hello')));
    if (from === undefined) go();
    else socket.bind(0, from, go);
  });
  socket.on('error', () => undefined);
  socket.close();
  return result;
}

function ping({ from, to }: Probe): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const child = spawn(
    'busybox',
    ['ping', to.includes(':') ? '-6' : '-4', '-c', '1', '-W', '1', ...(from === undefined ? [] : ['-I', from]), to],
    { stdio: 'ignore' },
  );
  child.once('exit', (code) => resolve(code === 0 ? 'open' : 'silent'));
  return promise;
}

/** Echoes on TCP and remembers on UDP who said something. */
async function listen(port: number): Promise<null> {
  const tcp = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  await new Promise<void>((resolve) => tcp.listen(port, '::', resolve));
  const udp = createSocket({ type: 'udp6', ipv6Only: false });
  heard.set(port, []);
  udp.on('message', (_, peer) => heard.get(port)?.push(peer.address.replace(/^::ffff:/, '')));
  await new Promise<void>((resolve) => udp.bind(port, '::', resolve));
  return null;
}

function toResult(error: NodeJS.ErrnoException): ProbeResult {
  const result = results[error.code ?? ''];
  if (!result) throw error;
  return result;
}

function within<T>(timeoutMs: number, otherwise: T, start: (done: (value: T) => void) => void): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(() => resolve(otherwise), timeoutMs);
  start((value) => {
    clearTimeout(timer);
    resolve(value);
  });
  return promise;
}

if (import.meta.main) {
  process.stdout.write('null\n');
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, request } = JSON.parse(line) as { id: number; request: Request };
    answer(request).then(
      (value) => process.stdout.write(`${JSON.stringify({ id, value })}\n`),
      (error: Error) => process.stdout.write(`${JSON.stringify({ id, error: error.message })}\n`),
    );
  }
  process.exit(0);
}
