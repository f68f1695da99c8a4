// TLS on addresses that others can reach, looked at with other programs than ours: openssl, sslscan.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as tlsConnect } from 'node:tls';
import { createClient } from '../../src/api/client.ts';
import { fetchAuthority } from '../../src/api/fetch-authority.ts';
import { createNodeTransport, parseDaemonUrl } from '../../src/api/node-transport.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { openGivenCertificate } from '../../src/daemon/tls/given-certificate.ts';
import { openOwnCertificate, type OwnCertificateOptions } from '../../src/daemon/tls/own-certificate.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { run } from '../../src/lib/exec.ts';
import { silentLog } from '../../src/lib/log.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { Terminal } from '../cli/terminal.ts';
import { sampleSite } from '../daemon/sample-site.ts';

const token = 'a-token-of-these-tests-0123456789abcdef';
const folder = mkdtempSync(join(tmpdir(), 'caisson-tls-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const caisson = async (env: Record<string, string>, ...argv: string[]) => {
  const terminal = new Terminal({ env });
  return { code: await runCli(argv, terminal), out: terminal.out, err: terminal.err };
};

let count = 0;
const newFolder = () => mkdtempSync(join(folder, `${count++}-`));

/** What `openssl` says of the server, and how it ended. */
async function sClient(port: number, ...more: string[]): Promise<{ code: number; text: string }> {
  const argv = ['openssl', 's_client', '-connect', `127.0.0.1:${port}`, ...more] as [string, ...string[]];
  const { code, stdout, stderr } = await run(argv, { input: '', okCodes: [0, 1], timeoutMs: 60_000 });
  return { code, text: stdout + stderr };
}

describe('a daemon that listens for others', () => {
  const data = newFolder();
  let daemon: SimulatedDaemon;
  let url = '';
  let port = 0;
  const caPath = join(data, 'tls/ca.pem');

  before(async () => {
    daemon = await startSimulatedDaemon({
      world: createSimulatedWorld({ dataDirectory: data }),
      socketPath: join(data, 'run/api.sock'),
      tcp: [
        { host: '0.0.0.0', port: 0 },
        { host: '127.0.0.1', port: 0 },
      ],
      tls: { names: ['vm.lab.example'] },
      token,
      bootMs: 1,
      checkResponses: true,
    });
    port = Number(new URL(daemon.urls[1]?.replace('0.0.0.0', '127.0.0.1') ?? '').port);
    url = `https://127.0.0.1:${port}`;
    const { uid } = await daemon.engine.applySite(sampleSite(1), { prune: false, deleteDisks: false, overwrite: false }, 'system');
    await daemon.engine.jobs.wait(uid);
  });
  after(() => daemon.close());

  test('speaks HTTPS there, and plain HTTP on this machine alone', async () => {
    assert.match(daemon.urls.join(' '), /^unix:\S+ https:\/\/0\.0\.0\.0:\d+ http:\/\/127\.0\.0\.1:\d+$/);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
  });

  test('its keys are the daemon’s alone', () => {
    for (const name of ['ca-key.pem', 'server-key.pem']) assert.equal(statSync(join(data, 'tls', name)).mode & 0o777, 0o600);
    assert.equal(statSync(join(data, 'tls')).mode & 0o077, 0);
  });

  test('openssl verifies its certificate by its authority, for every name, and not without', async () => {
    const good = await sClient(port, '-CAfile', caPath, '-verify_return_error', '-verify_hostname', 'vm.lab.example');
    assert.equal(good.code, 0, good.text);
    assert.match(good.text, /Verify return code: 0 \(ok\)/);
    assert.notEqual((await sClient(port, '-CAfile', caPath, '-verify_return_error', '-verify_hostname', 'other.example')).code, 0);
    assert.notEqual((await sClient(port, '-verify_return_error')).code, 0);
    const { stdout } = await run(['openssl', 'x509', '-in', caPath, '-noout', '-ext', 'basicConstraints,keyUsage']);
    assert.match(stdout, /critical\s+CA:TRUE, pathlen:0/);
    assert.match(stdout, /critical\s+Certificate Sign, CRL Sign/);
    await run(['openssl', 'verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', caPath, join(data, 'tls/server.pem')]);
  });

  test('nothing older than TLS 1.2 is spoken, and nothing without forward secrecy', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = tlsConnect({ host: '127.0.0.1', port, ca: readFileSync(caPath), minVersion: version, maxVersion: version });
      await new Promise<void>((resolve, reject) => socket.on('secureConnect', resolve).on('error', reject));
      assert.equal(socket.getProtocol(), version);
      socket.destroy();
    }
    const old = await sClient(port, '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0');
    assert.notEqual(old.code, 0, old.text);
    assert.match(
      (await sClient(port, '-tls1_2', '-cipher', 'AES128-SHA:AES256-GCM-SHA384:@SECLEVEL=0')).text,
      /handshake failure|no ciphers/,
    );
  });

  test('sslscan finds nothing weak', async (t) => {
    if (
      await run(['sslscan', '--version']).then(
        () => false,
        () => true,
      )
    )
      return t.skip('sslscan is not installed');
    const { stdout } = await run(['sslscan', '--no-colour', '--xml=-', `127.0.0.1:${port}`], { timeoutMs: 120_000 });
    const enabled = [...stdout.matchAll(/<protocol type="(\w+)" version="([\d.]+)" enabled="1"/g)].map(
      (match) => `${match[1]} ${match[2]}`,
    );
    assert.deepEqual(enabled.toSorted(), ['tls 1.2', 'tls 1.3']);
    const ciphers = [...stdout.matchAll(/<cipher [^>]*cipher="([^"]+)"[^>]*strength="(\w+)"/g)];
    assert.ok(ciphers.length >= 4, stdout);
    for (const [, name = '', strength] of ciphers) {
      assert.match(name, /^(TLS_(AES|CHACHA20)|ECDHE-ECDSA-(AES|CHACHA20))/);
      assert.match(strength ?? '', /^(strong|acceptable)$/, name);
    }
    assert.match(stdout, /<heartbleed [^>]*vulnerable="0"/);
    assert.doesNotMatch(stdout, /<compression supported="1"/);
    assert.doesNotMatch(stdout, /<renegotiation supported="1" secure="0"/);
  });

  test('a client that knows the authority asks, follows, and opens consoles', async () => {
    const authority = readFileSync(caPath, 'utf8');
    const transport = createNodeTransport(parseDaemonUrl(url, token, authority));
    try {
      const client = createClient(transport);
      assert.equal((await client.call('guestList')).items.length, 1);
      const jobs: unknown[] = [];
      const { uid } = await client.call('guestReboot', { params: { guest: 'guest-0' } });
      for await (const job of client.stream('jobFollow', { params: { job: uid } })) jobs.push(job);
      assert.ok(jobs.length > 0);
      const stream = await transport.openWebSocket('/v1/guests/guest-0/console?history=10');
      stream.destroy();
      const shown = await client.call('hostCertificate');
      assert.equal(shown.source, 'own');
      assert.ok(shown.names.includes('vm.lab.example') && shown.names.includes('127.0.0.1'));
      assert.equal(shown.authority?.fingerprint, new X509Certificate(authority).fingerprint256);
    } finally {
      transport.close();
    }
  });

  test('one that does not know it sends nothing', async () => {
    const transport = createNodeTransport(parseDaemonUrl(url, token));
    try {
      await assert.rejects(createClient(transport).call('guestList'), { code: 'untrusted', message: /caisson host ca.*--ca FILE/ });
      await assert.rejects(transport.openWebSocket('/v1/guests/guest-0/console'), { code: 'untrusted' });
    } finally {
      transport.close();
    }
  });

  test('the authority is found out by its fingerprint, and a wrong one is said', async () => {
    const { fingerprint256 } = new X509Certificate(readFileSync(caPath));
    const seen = await fetchAuthority(url, { fingerprint: fingerprint256.toLowerCase().replaceAll(':', '') });
    assert.equal(seen.pem, new X509Certificate(readFileSync(caPath)).toString());
    assert.equal((await fetchAuthority(url)).fingerprint, fingerprint256);
    await assert.rejects(fetchAuthority(url, { fingerprint: `00${fingerprint256.slice(2)}` }), {
      code: 'untrusted',
      message: /somebody stands between/,
    });
  });

  test('the command line prints the authority and uses it', async () => {
    const printed = await caisson({ CAISSON_DATA: data }, 'host', 'ca');
    assert.equal(printed.code, 0, printed.err);
    const ca = join(folder, 'printed.pem');
    writeFileSync(ca, printed.out);
    const listed = await caisson({ CAISSON_TOKEN: token }, 'guest', 'list', '--url', url, '--ca', ca);
    assert.match(listed.out, /guest-0/, listed.err);
    assert.match((await caisson({ CAISSON_DATA: data }, 'host', 'certificate')).out, /made by +this host/);
    const wrong = await caisson({ CAISSON_TOKEN: token }, 'guest', 'list', '--url', url, '--ca', join(data, 'tls/server-key.pem'));
    assert.equal(wrong.code, 2, wrong.err);
  });

  test('who asks under another name, or from a page of another, is refused', async () => {
    const asked = async (headers: string[]) => {
      const socket = tlsConnect({ host: '127.0.0.1', port, ca: readFileSync(caPath) });
      let said = '';
      socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
      const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()));
      socket.write(['GET /v1/host HTTP/1.1', ...headers, 'connection: close', '', ''].join('\r\n'));
      await ended;
      return Number(/^HTTP\/1\.1 (\d+)/.exec(said)?.[1]);
    };
    const authorization = `authorization: Bearer ${token}`;
    assert.equal(await asked([`host: vm.lab.example`, authorization]), 200, 'a port in front may be another');
    assert.equal(await asked(['host: evil.example', authorization]), 421);
    assert.equal(await asked([`host: 127.0.0.1:${port}`, authorization, 'origin: https://evil.example']), 403);
    assert.equal(await asked([`host: 127.0.0.1:${port}`, authorization, `origin: http://127.0.0.1:${port}`]), 403);
    assert.equal(await asked([`host: 127.0.0.1:${port}`, authorization, `origin: https://127.0.0.1:${port}`]), 200);
    assert.equal(await asked([`host: 127.0.0.1:${port}`]), 401);
  });

  // The last one: from then on the token of the file does not count any more.
  test('who signs in with the fingerprint keeps the authority', async () => {
    const { fingerprint256 } = new X509Certificate(readFileSync(caPath));
    const { secret } = await daemon.engine.access.users.newSetUpSecret();
    await daemon.engine.access.users.setUp({ name: 'anna', secret, password: 'a long pass phrase of hers' });
    const home = { HOME: newFolder() };
    const login = ['login', url, '--user', 'anna', '--password-stdin', '--as', 'lab'];
    const signIn = async (...more: string[]) => {
      const terminal = new Terminal({ env: home, typed: 'a long pass phrase of hers\n' });
      return { code: await runCli([...login, ...more], terminal), err: terminal.err };
    };
    assert.match((await signIn()).err, /not of an authority that you trust/);
    assert.match((await signIn('--fingerprint', 'AB:CD')).err, /somebody stands between/);
    const signedIn = await signIn('--fingerprint', fingerprint256);
    assert.equal(signedIn.code, 0, signedIn.err);
    const known = await caisson(home, 'guest', 'list');
    assert.match(known.out, /guest-0/, known.err);
  });
});

describe('the host’s own certificate', () => {
  const dayMs = 86_400_000;
  const options = (dataDirectory: string, more: Partial<OwnCertificateOptions> = {}): OwnCertificateOptions => ({
    dataDirectory,
    names: () => Promise.resolve({ hostname: 'room-1', addresses: ['192.0.2.7'] }),
    extraNames: [],
    clock: systemClock,
    log: silentLog,
    ...more,
  });

  test('stays over a restart, is made anew when a name comes or its end nears, always of the same authority', async () => {
    const data = newFolder();
    const first = await openOwnCertificate(options(data));
    const { fingerprint, authority } = first.describe();
    first.close();
    const again = await openOwnCertificate(options(data));
    assert.equal(again.describe().fingerprint, fingerprint);
    again.close();
    const names = () => Promise.resolve({ hostname: 'room-1', addresses: ['192.0.2.7', '192.0.2.8'] });
    const moved = await openOwnCertificate(options(data, { names }));
    assert.notEqual(moved.describe().fingerprint, fingerprint);
    assert.ok(moved.describe().names.includes('192.0.2.8'));
    moved.close();
    let now = Date.now();
    const old = await openOwnCertificate(options(data, { names, clock: { ...systemClock, now: () => now } }));
    assert.equal(old.describe().fingerprint, moved.describe().fingerprint);
    const told: string[] = [];
    old.onChange(({ certificate }) => void told.push(certificate.fingerprint256));
    await old.refresh();
    assert.deepEqual(told, []);
    now += 350 * dayMs;
    await old.refresh();
    assert.deepEqual(told, [old.describe().fingerprint]);
    assert.notEqual(old.describe().fingerprint, moved.describe().fingerprint);
    assert.equal(old.describe().authority?.fingerprint, authority?.fingerprint);
    old.close();
  });

  test('a damaged server certificate is made anew; an authority without its key is not', async () => {
    const data = newFolder();
    (await openOwnCertificate(options(data))).close();
    writeFileSync(join(data, 'tls/server.pem'), 'nonsense');
    (await openOwnCertificate(options(data))).close();
    rmSync(join(data, 'tls/ca-key.pem'));
    await assert.rejects(openOwnCertificate(options(data)), { code: 'missing', message: /restore it from a backup, or remove/ });
  });

  test('what the making of an authority left when it was cut off does not matter', async () => {
    const data = newFolder();
    (await openOwnCertificate(options(data))).close();
    rmSync(join(data, 'tls/ca.pem'));
    const next = await openOwnCertificate(options(data));
    await run(['openssl', 'verify', '-CAfile', join(data, 'tls/ca.pem'), join(data, 'tls/server.pem')]);
    next.close();
  });
});

describe('a certificate that is given', () => {
  async function make(path: string, name: string): Promise<void> {
    const argv = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '30',
      '-subj',
      `/CN=${name}`,
      '-addext',
      `subjectAltName=DNS:${name},IP:127.0.0.1`,
    ];
    await run(['openssl', ...argv, '-keyout', `${path}.key`, '-out', `${path}.crt`]);
  }

  test('is served, and read again when it is renewed; a broken one leaves the old in use', async () => {
    const data = newFolder();
    const path = join(data, 'given');
    await make(path, 'one.example');
    const source = await openGivenCertificate({ certificate: `${path}.crt`, key: `${path}.key`, log: silentLog });
    const before = source.describe();
    assert.deepEqual([before.source, before.names, before.authority], ['file', ['one.example', '127.0.0.1'], undefined]);
    writeFileSync(`${path}.crt`, 'not a certificate');
    await source.refresh();
    assert.equal(source.describe().fingerprint, before.fingerprint);
    await make(path, 'two.example');
    await source.refresh();
    assert.ok(source.describe().names.includes('two.example'));
    source.close();
  });

  test('a listener shows the new one to who comes after it', async () => {
    const data = newFolder();
    const path = join(data, 'given');
    await make(path, 'one.example');
    const source = await openGivenCertificate({ certificate: `${path}.crt`, key: `${path}.key`, log: silentLog });
    const { createTlsServer } = await import('../../src/daemon/http/tls-server.ts');
    const server = await createTlsServer(source, {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const { port } = server.address() as { port: number };
    const shown = async () => /subject=CN = (\S+)/.exec((await sClient(port)).text)?.[1];
    assert.equal(await shown(), 'one.example');
    await make(path, 'two.example');
    await source.refresh();
    await waitFor('the new one', async () => (await shown()) === 'two.example', { timeoutMs: 30_000 });
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    source.close();
  });

  test('what cannot be used is said, with its file', async () => {
    const data = newFolder();
    const [one, two] = [join(data, 'one'), join(data, 'two')];
    await make(one, 'one.example');
    await make(two, 'two.example');
    const open = (certificate: string, key: string) => openGivenCertificate({ certificate, key, log: silentLog });
    await assert.rejects(open(`${one}.crt`, `${two}.key`), {
      code: 'invalid',
      message: /two\.key is not that of the certificate in .*one\.crt/,
    });
    await assert.rejects(open(`${one}.key`, `${one}.key`), { code: 'invalid', message: /one\.key holds no certificate/ });
    await assert.rejects(open(`${one}.crt`, `${one}.crt`), { code: 'invalid', message: /one\.crt holds no private key/ });
    await assert.rejects(open(join(data, 'none.crt'), `${one}.key`), { code: 'failed', message: /none\.crt cannot be read/ });
  });
});
