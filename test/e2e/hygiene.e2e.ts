// What a daemon keeps to when its clients do not: files of the page and nothing else, bodies that are data and nothing else, and many clients of
// which some are slow, silent or loud.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { createEventParser } from '../../src/api/event-parser.ts';
import { type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { ask, HttpTrial, rawConnection, type Served } from '../daemon/http-trial.ts';
import { sampleGuest } from '../daemon/sample-handlers.ts';

let trial: HttpTrial;
before(async () => {
  trial = await HttpTrial.open();
});
after(() => trial.close());

describe('the page', () => {
  let site: Served;
  const script = 'export const word = "caisson";\n'.repeat(100);

  before(async () => {
    const root = join(trial.folder, 'web');
    mkdirSync(join(root, 'assets'), { recursive: true });
    writeFileSync(join(root, 'index.html'), '<!doctype html><title>Caisson</title>');
    writeFileSync(join(root, 'assets/page-12345678.js'), script);
    writeFileSync(join(root, 'assets/page-12345678.js.br'), brotliCompressSync(script));
    writeFileSync(join(root, 'assets/page-12345678.js.gz'), gzipSync(script));
    writeFileSync(join(root, 'assets/.hidden.js'), 'secret');
    writeFileSync(join(root, 'secret.js'), 'secret');
    writeFileSync(join(trial.folder, 'secret.js'), 'secret');
    site = await trial.serve({}, {}, { webRoot: root });
  });

  const raw = async (path: string, accepts?: string): Promise<{ head: string; body: Buffer }> => {
    const socket = connect(site.socketPath);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${accepts === undefined ? '' : `accept-encoding: ${accepts}\r\n`}\r\n`,
    );
    await ended;
    const all = Buffer.concat(chunks);
    const at = all.indexOf('\r\n\r\n');
    return { head: all.subarray(0, at).toString('latin1').toLowerCase(), body: all.subarray(at + 4) };
  };

  test('what has a digest in its name is kept for good, compressed as the browser likes it', async () => {
    const path = '/assets/page-12345678.js';
    const brotli = await raw(path, 'gzip, deflate, br');
    assert.match(brotli.head, /content-encoding: br\r\n/);
    assert.match(brotli.head, /cache-control: public, max-age=31536000, immutable/);
    assert.match(brotli.head, /vary: accept-encoding/);
    assert.equal(brotliDecompressSync(brotli.body).toString(), script);
    const gzip = await raw(path, 'gzip;q=0.5, br;q=0');
    assert.match(gzip.head, /content-encoding: gzip/);
    assert.equal(gunzipSync(gzip.body).toString(), script);
    const plain = await raw(path);
    assert.doesNotMatch(plain.head, /content-encoding/);
    assert.equal(plain.body.toString(), script);
  });

  test('it says that nobody may embed, guess, or add to it', async () => {
    for (const path of ['/', '/assets/page-12345678.js']) {
      const { head } = await raw(path);
      for (const wanted of [
        /content-security-policy: default-src 'self'; .*frame-ancestors 'none'/,
        /x-content-type-options: nosniff/,
        /referrer-policy: no-referrer/,
        /cross-origin-opener-policy: same-origin/,
        /cross-origin-resource-policy: same-origin/,
        /permissions-policy: camera=\(\)/,
      ])
        assert.match(head, wanted, path);
      assert.doesNotMatch(head, /unsafe-inline|unsafe-eval/);
    }
  });

  for (const path of [
    '/assets/../secret.js',
    '/assets/..%2fsecret.js',
    '/assets/%2e%2e/secret.js',
    '/assets/%2e%2e%2fsecret.js',
    '/assets/%252e%252e%252fsecret.js',
    '/assets/..%5csecret.js',
    '/assets/..%c0%afsecret.js',
    '/assets/%00/secret.js',
    '/assets/page-12345678.js%00.svg',
    '/assets/.hidden.js',
    '/assets//secret.js',
    '/assets/page-12345678.js.br',
    '/assets/',
    '//secret.js',
    '/secret.js',
    '/../secret.js',
    '/index.html/../secret.js',
    '/%2e%2e/secret.js',
  ]) {
    test(`${path} gives no file`, async () => {
      const { head, body } = await raw(path);
      assert.match(head, /^http\/1\.1 (400|404) /);
      assert.ok(!body.includes('secret.js') || head.includes('application/problem+json'));
      assert.notEqual(body.toString(), 'secret');
    });
  }
});

describe('bodies', () => {
  test('a body that speaks of prototypes is refused and changes none', async () => {
    const site = await trial.serve({});
    for (const body of [
      '{"__proto__":{"force":true}}',
      '{"constructor":{"prototype":{"force":true}}}',
      '{"force":true,"__proto__":{"toString":1}}',
      '{"timeoutMs":{"__proto__":{"valueOf":1}}}',
    ]) {
      const headers = { 'content-type': 'application/json' };
      assert.equal((await ask(site, { method: 'POST', path: '/v1/guests/web/shutdown', headers, body })).status, 400, body);
      assert.equal((await ask(site, { method: 'PUT', path: '/v1/site', headers, body: `{"site":${body}}` })).status, 400, body);
    }
    assert.equal((await ask(site, { path: '/v1/jobs?__proto__[limit]=1' })).status, 400);
    assert.equal(({} as { force?: boolean }).force, undefined);
  });

  test('one that is deeper than anybody needs ends in a refusal, not in the daemon’s end', async () => {
    const site = await trial.serve({ guestShow: () => Promise.resolve(sampleGuest(0)) });
    const depth = 200_000;
    const body = `{"site":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    const answer = await ask(site, { method: 'PUT', path: '/v1/site', headers: { 'content-type': 'application/json' }, body });
    assert.equal(answer.status, 400, answer.text);
    assert.equal((await trial.client(site).call('guestShow', { params: { guest: 'a' } })).name, 'guest-0');
  });
});

describe('many clients', () => {
  test('a hundred that never finish their requests keep nobody from being served', async () => {
    const site = await trial.serve({ guestShow: () => Promise.resolve(sampleGuest(0)) }, {}, { limits: { headersTimeoutMs: 2000 } });
    const slow = Array.from({ length: 100 }, () => rawConnection(site, 'GET /v1/host HTTP/1.1\r\nx: '));
    const dripping = setInterval(() => {
      for (const { socket } of slow) if (socket.writable) socket.write('y');
    }, 50);
    try {
      for (let index = 0; index < 20; index++) {
        assert.equal((await trial.client(site).call('guestShow', { params: { guest: 'a' } })).name, 'guest-0');
      }
      await Promise.all(slow.map(({ ended }) => ended));
      for (const { said } of slow) assert.match(said(), /^HTTP\/1\.1 408 /);
    } finally {
      clearInterval(dripping);
    }
  });

  test('two hundred follow events, one of them never reads: the others get every event in order', async () => {
    const socketPath = join(trial.folder, 'events/api.sock');
    const daemon: SimulatedDaemon = await startSimulatedDaemon({ socketPath, bootMs: 1 });
    const sockets: Socket[] = [];
    try {
      const follow = () => {
        const socket = connect(socketPath);
        sockets.push(socket);
        socket.on('error', () => {});
        socket.write('GET /v1/events/stream?after=0 HTTP/1.1\r\nhost: x\r\n\r\n');
        return socket;
      };
      follow().pause();
      const count = 400;
      const seen = Array.from({ length: 200 }, () => {
        const parse = createEventParser();
        const messages: string[] = [];
        let body = '';
        follow().on('data', (chunk) => {
          // Chunks of the transfer’s own coding are lines that are no fields of an event.
          body = chunk.toString('utf8').replaceAll(/(^|\r\n)[0-9a-f]+\r\n/g, '');
          for (const { data } of parse(body.replaceAll('\r\n', ''))) {
            const { message } = JSON.parse(data) as { message: string };
            if (message.startsWith('number ')) messages.push(message);
          }
        });
        return messages;
      });
      for (let index = 0; index < count; index++) {
        daemon.engine.events.emit({ kind: 'site-changed', message: `number ${index} ${'x'.repeat(1000)}` });
        if (index % 50 === 49) await daemon.engine.events.flush();
      }
      await waitFor('everybody has everything', () => seen.every(({ length }) => length >= count), { timeoutMs: 120_000 });
      for (const messages of seen) {
        assert.deepEqual(
          messages.map((message) => Number(message.split(' ')[1])),
          Array.from({ length: count }, (_, index) => index),
        );
      }
    } finally {
      for (const socket of sockets) socket.destroy();
      await daemon.close();
    }
  });

  test('a websocket that sends without end waits for the console; a message that is too large ends it', async () => {
    let waiting = 0;
    const deaf = () =>
      new Duplex({
        read() {},
        // Never done: nobody types into this console.
        write(chunk: Buffer) {
          waiting += chunk.length;
        },
        highWaterMark: 64 * 1024,
      });
    const consoles: Duplex[] = [];
    const site = await trial.serve(
      {},
      {
        guestConsole: () => {
          consoles.push(deaf());
          return Promise.resolve(consoles.at(-1) as Duplex);
        },
      },
      // Of who is not read, only the missing answer to a ping tells that they have gone.
      { consoleSocket: { pingMs: 2000 } },
    );
    const open = async () => {
      const socket = new WebSocket(`ws+unix:${site.socketPath}:/v1/guests/web/console`, { perMessageDeflate: false });
      await new Promise<void>((resolve, reject) => socket.on('open', () => resolve()).on('error', reject));
      return socket;
    };
    const loud = await open();
    for (let index = 0; index < 500; index++) loud.send(Buffer.alloc(100 * 1024));
    let before = -1;
    await waitFor(
      'the flood stands still',
      () => {
        const still = before === loud.bufferedAmount && before > 0;
        before = loud.bufferedAmount;
        return still;
      },
      { timeoutMs: 60_000, everyMs: 300 },
    );
    const held = waiting + (consoles[0]?.writableLength ?? 0);
    assert.ok(held < 4 * 1024 * 1024, `${held} bytes wait in the daemon`);
    loud.terminate();
    await waitFor('its console is let go', () => consoles[0]?.destroyed, { timeoutMs: 60_000 });
    const large = await open();
    const closed = new Promise<number>((resolve) => large.on('close', (code) => resolve(code)));
    large.on('error', () => {});
    large.send(Buffer.alloc(2 * 1024 * 1024));
    assert.equal(await closed, 1009);
    await waitFor('that console is let go', () => consoles[1]?.destroyed, { timeoutMs: 60_000 });
  });
});
