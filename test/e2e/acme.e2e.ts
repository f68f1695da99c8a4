// A certificate by ACME, of a real server of that kind: the first one while the daemon runs, the next one before it ends, and what is shown when
// none is to be had.
// e2e: limit 12 min
import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as tlsConnect } from 'node:tls';
import { createClient } from '../../src/api/client.ts';
import { createNodeTransport } from '../../src/api/node-transport.ts';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { type AcmeCertificate, openAcmeCertificate } from '../../src/daemon/tls/acme-certificate.ts';
import { createTlsServer } from '../../src/daemon/http/tls-server.ts';
import { TlsProofs } from '../../src/daemon/tls/acme-tls-proofs.ts';
import { openOwnCertificate } from '../../src/daemon/tls/own-certificate.ts';
import { boundedRequest } from '../../src/lib/bounded-request.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { freePort, type Pebble, startPebble, withoutPebble } from '../daemon/pebble.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-acme-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const names = ['room-1.example.org', 'console.example.org'];
const hostNames = () => Promise.resolve({ hostname: 'room-1', addresses: [] });

/** For pebble itself: the authority and certificate that a host makes. */
const its = join(folder, 'its');
const paths = { certificate: join(its, 'tls/server.pem'), key: join(its, 'tls/server-key.pem'), authority: join(its, 'tls/ca.pem') };
before(async () => {
  mkdirSync(its);
  const made = await openOwnCertificate({ dataDirectory: its, names: hostNames, extraNames: [], clock: systemClock, log: silentLog });
  made.close();
});

const start = (proofPort: number, more: { validity?: number; rejects?: number; tlsPort?: number } = {}): Promise<Pebble> =>
  startPebble({
    folder,
    proofPort,
    certificate: paths.certificate,
    key: paths.key,
    authorities: readFileSync(paths.authority, 'utf8'),
    ...more,
  });

/** A certificate by ACME beside a new one of the host's own, proved on this port. */
async function openBeside(data: string, pebble: Pebble, proofPort: number) {
  return openAcmeCertificate({
    own: await openOwnCertificate({ dataDirectory: data, names: hostNames, extraNames: [], clock: systemClock, log: silentLog }),
    settings: { directory: pebble.directory, names, contacts: [], authorities: readFileSync(paths.authority, 'utf8') },
    places: [{ host: '127.0.0.1', port: proofPort }],
    dataDirectory: data,
    clock: systemClock,
    log: silentLog,
  });
}

/** What a client that asks for this name is shown, and whether it trusts it by these authorities. */
function shown(port: number, name: string | undefined, ca: string): Promise<{ trusted: boolean; certificate: X509Certificate }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ trusted: boolean; certificate: X509Certificate }>();
  const socket = tlsConnect(
    { port, host: '127.0.0.1', ca, ...(name === undefined ? {} : { servername: name }), rejectUnauthorized: false },
    () => {
      resolve({ trusted: socket.authorized, certificate: new X509Certificate(socket.getPeerCertificate().raw) });
      socket.destroy();
    },
  );
  socket.once('error', reject);
  return promise;
}

describe('a daemon with names in the world’s name service', { skip: withoutPebble }, () => {
  const data = join(folder, 'data');
  let pebble: Pebble;
  let daemon: SimulatedDaemon;
  let port = 0;

  before(async () => {
    const proofPort = await freePort();
    pebble = await start(proofPort, { rejects: 15 });
    daemon = await startSimulatedDaemon({
      world: createSimulatedWorld({ dataDirectory: data }),
      socketPath: join(folder, 'api.sock'),
      tcp: [{ host: '0.0.0.0', port: 0 }],
      tls: {
        names: [],
        acme: { directory: pebble.directory, names, contacts: ['mailto:root@example.org'], authoritiesFile: paths.authority },
      },
      acmePlaces: [{ host: '127.0.0.1', port: proofPort }],
      bootMs: 1,
      checkResponses: true,
    });
    port = Number(new URL(daemon.urls.find((url) => url.startsWith('https:'))?.replace('0.0.0.0', '127.0.0.1') ?? '').port);
  });
  after(async () => {
    await daemon.close();
    await pebble.stop();
  });

  test('shows its own certificate at once, and that of the authority to who asks for one of its names', async () => {
    const own = readFileSync(join(data, 'tls/ca.pem'), 'utf8');
    assert.equal((await shown(port, undefined, own)).trusted, true);
    const transport = createNodeTransport({ socketPath: join(folder, 'api.sock') });
    try {
      const client = createClient(transport);
      await waitFor('a certificate', async () => (await client.call('hostCertificate')).acme?.until !== undefined, { timeoutMs: 240_000 });
      const { acme, authority } = await client.call('hostCertificate');
      assert.deepEqual([acme?.names, acme?.problem], [names, undefined]);
      assert.match(acme?.issuer ?? '', /Pebble/);
      assert.ok(authority);
      for (const name of names) {
        const { trusted, certificate } = await shown(port, name, pebble.root);
        assert.equal(trusted, true, name);
        assert.equal(certificate.fingerprint256, acme?.fingerprint);
      }
      // By its address, or a name of the host itself, nothing has changed for those who trust its authority.
      for (const name of [undefined, 'localhost']) assert.equal((await shown(port, name, own)).trusted, true, name);
      // A request for one of the names is one for this host.
      for (const [host, status] of [
        [names[0], 401],
        ['elsewhere.example.org', 421],
      ] as const) {
        const { promise, resolve, reject } = Promise.withResolvers<string>();
        const socket = tlsConnect({ port, host: '127.0.0.1', servername: host ?? '', rejectUnauthorized: false }, () =>
          socket.write(`GET /v1/me HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: close\r\n\r\n`),
        );
        socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1')));
        socket.once('error', reject);
        assert.match(await promise, new RegExp(`^HTTP/1.1 ${status} `), host);
        socket.destroy();
      }
    } finally {
      transport.close();
    }
  });

  test('keeps its keys for itself', () => {
    for (const name of ['current.pem', 'account.pem']) assert.equal(statSync(join(data, 'tls/acme', name)).mode & 0o777, 0o600);
    assert.equal(statSync(join(data, 'tls/acme')).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(join(data, 'tls/acme')).toSorted(), ['account.pem', 'current.pem', 'state.json']);
  });
});

describe('a daemon whose names are proved by TLS, without a port for HTTP', { skip: withoutPebble }, () => {
  test('gets its certificate on the very listener that shows it; where that is not reached it says what must be', async () => {
    const data = join(folder, 'by-tls');
    const [port, unreached] = [await freePort(), await freePort()];
    const pebble = await start(1, { tlsPort: port });
    const socketPath = join(folder, 'by-tls.sock');
    const daemon = await startSimulatedDaemon({
      world: createSimulatedWorld({ dataDirectory: data }),
      socketPath,
      tcp: [{ host: '0.0.0.0', port }],
      tls: { names: [], acme: { directory: pebble.directory, names, contacts: [], authoritiesFile: paths.authority } },
      bootMs: 1,
      checkResponses: true,
    });
    const transport = createNodeTransport({ socketPath });
    try {
      const client = createClient(transport);
      await waitFor('a certificate', async () => (await client.call('hostCertificate')).acme?.until !== undefined, { timeoutMs: 240_000 });
      for (const name of names) assert.equal((await shown(port, name, pebble.root)).trusted, true, name);
      assert.deepEqual(readdirSync(join(data, 'tls/acme')).toSorted(), ['account.pem', 'current.pem', 'state.json']);
    } finally {
      transport.close();
      await daemon.close();
      await pebble.stop();
    }
    const elsewhere = await start(1, { tlsPort: unreached });
    const alone = join(folder, 'not-by-tls');
    mkdirSync(alone);
    const certificate = await openAcmeCertificate({
      own: await openOwnCertificate({ dataDirectory: alone, names: hostNames, extraNames: [], clock: systemClock, log: silentLog }),
      settings: { directory: elsewhere.directory, names, contacts: [], authorities: readFileSync(paths.authority, 'utf8') },
      places: [],
      dataDirectory: alone,
      clock: systemClock,
      log: silentLog,
    });
    try {
      await certificate.refresh();
      assert.match(
        certificate.describe().acme?.problem ?? '',
        /does not believe that .* is here: .*port 443 of .* must reach a --listen of this host/,
      );
      assert.equal(certificate.proofs?.size, 0);
    } finally {
      certificate.close();
      await elsewhere.stop();
    }
  });
});

describe('proofs on a TLS listener', () => {
  const name = 'room-1.example.org';
  const text = 'token.thumbprint';

  /** What comes of a handshake: the protocol and certificate, or the alert. */
  function handshake(port: number, options: { servername?: string; ALPNProtocols?: string[] }) {
    const { promise, resolve } = Promise.withResolvers<
      { protocol: string | false | null; certificate: X509Certificate } | { alert: string }
    >();
    const socket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
      resolve({ protocol: socket.alpnProtocol, certificate: new X509Certificate(socket.getPeerCertificate().raw) });
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve({ alert: error.code ?? error.message }));
    return promise;
  }

  test('are shown to who asks for that name and the protocol of proofs alone; everybody else gets what they get ever', async () => {
    const data = join(folder, 'proofs');
    mkdirSync(data);
    const own = await openOwnCertificate({ dataDirectory: data, names: hostNames, extraNames: [], clock: systemClock, log: silentLog });
    const proofs = new TlsProofs(data);
    const source = {
      get identity() {
        return own.identity;
      },
      proofs: proofs.identities,
      describe: () => own.describe(),
      onChange: () => () => undefined,
      refresh: () => Promise.resolve(),
      close: () => undefined,
    };
    const server = await createTlsServer(source, {});
    server.on('request', (_request, response) => response.end('the console'));
    const listening = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', listening.resolve);
    await listening.promise;
    const { port } = server.address() as { port: number };
    const ownFingerprint = own.identity.certificate.fingerprint256;
    const proof = { name, token: 'token', text };
    try {
      // Nothing is proved: the protocol is spoken by nobody.
      assert.deepEqual(await handshake(port, { servername: name, ALPNProtocols: ['acme-tls/1'] }), {
        alert: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
      });
      await proofs.show(proof);
      const seen = await handshake(port, { servername: name, ALPNProtocols: ['acme-tls/1'] });
      assert.ok('certificate' in seen, JSON.stringify(seen));
      assert.equal(seen.protocol, 'acme-tls/1');
      assert.equal(seen.certificate.subjectAltName, `DNS:${name}`);
      assert.ok(seen.certificate.raw.includes(createHash('sha256').update(text).digest()));
      // 1.3.6.1.5.5.7.1.31, critical.
      assert.ok(seen.certificate.raw.includes(Buffer.from('06082b0601050507011f0101ff', 'hex')));
      const ordinary: [string, Parameters<typeof handshake>[1]][] = [
        ['a browser', { servername: name, ALPNProtocols: ['h2', 'http/1.1'] }],
        ['who asks for both', { servername: name, ALPNProtocols: ['acme-tls/1', 'http/1.1'] }],
        ['a program without protocols', { servername: name }],
        ['who names nobody', {}],
      ];
      for (const [what, options] of ordinary) {
        const got = await handshake(port, options);
        assert.ok('certificate' in got, what);
        assert.equal(got.certificate.fingerprint256, ownFingerprint, what);
        assert.notEqual(got.protocol, 'acme-tls/1', what);
      }
      for (const options of [{ servername: 'other.example.org', ALPNProtocols: ['acme-tls/1'] }, { ALPNProtocols: ['acme-tls/1'] }])
        assert.deepEqual(await handshake(port, options), { alert: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
      // Meanwhile the console is there, for requests of any size; a proof is none.
      const authority = readFileSync(join(data, 'tls/ca.pem'), 'utf8');
      const transport = await boundedRequest({
        url: new URL(`https://localhost:${port}/`),
        method: 'POST',
        body: 'x'.repeat(200_000),
        timeoutMs: 30_000,
        mostBytes: 100,
        authorities: authority,
      });
      assert.equal(transport.body.toString(), 'the console');
      proofs.hide(proof);
      assert.deepEqual(await handshake(port, { servername: name, ALPNProtocols: ['acme-tls/1'] }), {
        alert: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
      });
      assert.throws(() => statSync(join(data, 'proof-key.pem')), { code: 'ENOENT' });
    } finally {
      server.close();
      server.closeAllConnections();
      own.close();
    }
  });
});

describe('a certificate that comes to its end', { skip: withoutPebble }, () => {
  const day = 86_400_000;
  let laterMs = 0;
  const clock = { ...systemClock, now: () => Date.now() + laterMs };

  test('is got anew when a third of its life is left; without the server it stays until its end, then the own one is shown', async () => {
    const data = join(folder, 'renewed');
    const proofPort = await freePort();
    let pebble = await start(proofPort, { validity: (9 * day) / 1000 });
    mkdirSync(data);
    const own = await openOwnCertificate({ dataDirectory: data, names: hostNames, extraNames: [], clock, log: silentLog });
    const open = (directory: string): Promise<AcmeCertificate> =>
      openAcmeCertificate({
        own,
        settings: { directory, names, contacts: [], authorities: readFileSync(paths.authority, 'utf8') },
        places: [{ host: '127.0.0.1', port: proofPort }],
        dataDirectory: data,
        clock,
        log: silentLog,
      });
    let certificate = await open(pebble.directory);
    const fingerprint = () => certificate.named?.certificate.fingerprint256;
    try {
      await certificate.refresh();
      const first = fingerprint();
      assert.ok(first, certificate.describe().acme?.problem);
      laterMs = 5 * day;
      await certificate.refresh();
      assert.equal(fingerprint(), first);
      await pebble.stop();
      laterMs = 7 * day;
      await certificate.refresh();
      assert.equal(fingerprint(), first);
      assert.match(certificate.describe().acme?.problem ?? '', /could not be asked/);
      laterMs = 9 * day + 60_000;
      assert.equal(certificate.named, undefined);
      assert.equal(certificate.identity, own.identity);
      laterMs = 7 * day;
      assert.equal(fingerprint(), first);
      // As after another start, with a server that is back; what failed is not asked for at once.
      pebble = await start(proofPort, { validity: (30 * day) / 1000 });
      certificate.close();
      certificate = await open(pebble.directory);
      await certificate.refresh();
      assert.equal(fingerprint(), first);
      laterMs = 7 * day + 3_600_000;
      await certificate.refresh();
      assert.notEqual(fingerprint(), first);
      assert.ok(fingerprint());
      assert.equal(certificate.describe().acme?.problem, undefined);
    } finally {
      certificate.close();
      await pebble.stop();
    }
  });

  test('that cannot be proved is not got: it says why, and nothing is written', async () => {
    const data = join(folder, 'unproved');
    const [proofPort, elsewhere] = [await freePort(), await freePort()];
    const pebble = await start(elsewhere);
    mkdirSync(data);
    const certificate = await openBeside(data, pebble, proofPort);
    try {
      await certificate.refresh();
      assert.match(
        certificate.describe().acme?.problem ?? '',
        /does not believe that (room-1|console)\.example\.org is here: .*--acme-listen/,
      );
      assert.equal(certificate.named, undefined);
      assert.throws(() => statSync(join(data, 'tls/acme/current.pem')), { code: 'ENOENT' });
      const answer = await fetch(`http://127.0.0.1:${proofPort}/.well-known/acme-challenge/anything`);
      assert.equal(answer.status, 404);
    } finally {
      certificate.close();
      await pebble.stop();
    }
  });

  test('that was damaged on the disk is got anew', async () => {
    const data = join(folder, 'damaged');
    mkdirSync(join(data, 'tls/acme'), { recursive: true });
    writeFileSync(join(data, 'tls/acme/current.pem'), 'not a certificate');
    const proofPort = await freePort();
    const pebble = await start(proofPort);
    const certificate = await openBeside(data, pebble, proofPort);
    try {
      await certificate.refresh();
      assert.ok(certificate.named, certificate.describe().acme?.problem);
    } finally {
      certificate.close();
      await pebble.stop();
    }
  });
});
