// Streams and consoles on real sockets: nothing is lost, a client that does not read harms nobody, and everything ends.
import assert from 'node:assert/strict';
import { Duplex, PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { createClient } from '../../src/api/client.ts';
import type { StreamItem, Streams } from '../../src/daemon/http/handlers-type.ts';
import { CaissonError } from '../../src/lib/errors.ts';
import { jsonLog } from '../../src/lib/log.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { ask, HttpTrial, rawConnection, sampleToken as token } from '../daemon/http-trial.ts';
import { sampleGuest } from '../daemon/sample-handlers.ts';

let trial: HttpTrial;

before(async () => {
  trial = await HttpTrial.open();
});

after(() => trial.close());

/** A source of events with a tap: what is pushed is what comes. */
function source() {
  let wake = () => {};
  const waiting: StreamItem[] = [];
  const state = { ended: false, returned: false };
  async function* items(): AsyncGenerator<StreamItem> {
    try {
      for (;;) {
        const item = waiting.shift();
        if (item) yield item;
        else if (state.ended) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      state.returned = true;
    }
  }
  return {
    items,
    state,
    push(...more: StreamItem[]) {
      waiting.push(...more);
      wake();
    },
    end() {
      state.ended = true;
      wake();
    },
  };
}

async function all(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const got: unknown[] = [];
  for await (const item of items) got.push(item);
  return got;
}

describe('streams of events', () => {
  test('items arrive as they happen, and the end of the source ends the stream', async () => {
    const events = source();
    const site = await trial.serve({}, { jobFollow: () => Promise.resolve(events.items()) });
    const got: unknown[] = [];
    events.push({ data: { n: 1 } });
    for await (const item of trial.client(site).stream('jobFollow', { params: { job: 'j' } })) {
      got.push(item);
      if (got.length === 1) events.push({ data: { n: 2, text: 'two\nlines' } });
      else events.end();
    }
    assert.deepEqual(got, [{ n: 1 }, { n: 2, text: 'two\nlines' }]);
  });

  test('what is wrong with the request is a problem, not a stream', async () => {
    const site = await trial.serve({}, { jobFollow: () => Promise.reject(new CaissonError('not-found', 'there is no such job')) });
    await assert.rejects(all(trial.client(site).stream('jobFollow', { params: { job: 'j' } })), { code: 'not-found' });
    const answer = await ask(site, { path: '/v1/events/stream', headers: { 'last-event-id': 'x' } });
    assert.equal(answer.status, 400);
  });

  test('an error in the middle reaches the client with its code', async () => {
    const site = await trial.serve(
      {},
      {
        eventFollow: async () =>
          (async function* () {
            yield { id: 1, data: 'first' };
            throw new CaissonError('failed', 'the disk is full');
          })(),
      },
    );
    const stream = trial.client(site).stream('eventFollow')[Symbol.asyncIterator]();
    assert.equal((await stream.next()).value, 'first');
    await assert.rejects(stream.next(), { code: 'failed', message: 'the disk is full' });
  });

  test('a client that leaves lets go of the source', async () => {
    const events = source();
    const site = await trial.serve({}, { eventFollow: () => Promise.resolve(events.items()) });
    events.push({ id: 1, data: 1 });
    for await (const _ of trial.client(site).stream('eventFollow')) break;
    await waitFor(
      'the source is let go',
      () => {
        events.push({ id: 2, data: 2 });
        return events.state.returned;
      },
      { timeoutMs: 5000 },
    );
  });

  test('a silent stream has heartbeats', async () => {
    const site = await trial.serve({}, { eventFollow: () => Promise.resolve(source().items()) }, { eventStream: { heartbeatMs: 20 } });
    const connection = rawConnection(site, 'GET /v1/events/stream HTTP/1.1\r\nhost: x\r\n\r\n');
    await waitFor('three heartbeats', () => connection.said().split(':\n\n').length > 3, { timeoutMs: 60_000 });
    connection.socket.destroy();
  });

  test('a stream that was cut off goes on after the last item seen', async () => {
    const asked: (number | undefined)[] = [];
    const streams: Partial<Streams> = {
      eventFollow: ({ lastEventId }) => {
        asked.push(lastEventId);
        const items = source();
        items.push({ id: (lastEventId ?? 0) + 1, data: (lastEventId ?? 0) + 1 });
        return Promise.resolve(items.items());
      },
    };
    const site = await trial.serve({}, streams);
    const seen: unknown[] = [];
    const transport = trial.transport({ socketPath: site.socketPath });
    const ended = new AbortController();
    for await (const item of createClient(transport).stream('eventFollow', {}, { signal: ended.signal })) {
      seen.push(item);
      if (seen.length === 1) {
        await site.server.close(0);
        const again = await trial.create({}, streams);
        await again.listenUnix(site.socketPath);
      } else ended.abort();
    }
    assert.deepEqual(seen, [1, 2]);
    assert.deepEqual(asked, [undefined, 1]);
  });

  test('a client that does not read is cut off; the memory it takes is bounded and others get everything', async () => {
    const text = 'x'.repeat(10_000);
    let produced = 0;
    const feed = source();
    const site = await trial.serve(
      {},
      {
        eventFollow: async ({ query }) =>
          query.after === 1
            ? (async function* () {
                for (;;) {
                  produced++;
                  yield { id: produced, data: text };
                }
              })()
            : feed.items(),
      },
      { eventStream: { stallMs: 300 } },
    );
    const lazy = rawConnection(site, 'GET /v1/events/stream?after=1 HTTP/1.1\r\nhost: x\r\n\r\n');
    lazy.socket.pause();
    const got: unknown[] = [];
    feed.push({ id: 1, data: 'a' });
    for await (const item of trial.client(site).stream('eventFollow')) {
      got.push(item);
      if (got.length === 1) {
        await waitFor('the producer is held back', () => produced > 0, { timeoutMs: 60_000 });
        const { promise, resolve } = Promise.withResolvers<void>();
        lazy.socket.on('close', () => resolve());
        setTimeout(() => lazy.socket.resume(), 1000).unref();
        await promise;
        feed.push({ id: 2, data: 'b' });
        feed.end();
      }
    }
    assert.deepEqual(got, ['a', 'b']);
    assert.ok(produced < 200, `${produced} events were made for a client that reads nothing`);
  });
});

describe('the console', () => {
  /** A console: what arrives is echoed in capitals. */
  function echo(): Duplex {
    const console = new PassThrough({
      transform: (chunk: Buffer, _encoding, done) => done(null, Buffer.from(chunk.toString('latin1').toUpperCase(), 'latin1')),
    });
    return console;
  }

  for (const kind of ['unix', 'tcp'] as const) {
    test(`carries bytes both ways over ${kind}, with its query checked`, async () => {
      let history = 0;
      const site = await trial.serve(
        {},
        {
          guestConsole: ({ query }) => {
            history = query.history;
            return Promise.resolve(echo());
          },
        },
      );
      const transport = trial.transport(kind === 'unix' ? { socketPath: site.socketPath } : { url: site.url, token });
      const stream = await transport.openWebSocket('/v1/guests/web/console?history=5');
      stream.write(Buffer.from([0x61, 0x00, 0xd7, 0x62]));
      const got = await new Promise<Buffer>((resolve) => stream.once('data', resolve));
      assert.deepEqual([...got], [0x41, 0x00, 0xd7, 0x42]);
      assert.equal(history, 5);
      stream.destroy();
      await assert.rejects(transport.openWebSocket('/v1/guests/web/console?history=-1'), { code: 'invalid', message: /query\.history/ });
    });
  }

  test('a refusal arrives as an error, not as a console', async () => {
    const site = await trial.serve({}, { guestConsole: () => Promise.reject(new CaissonError('not-allowed', 'guest “web” is stopped')) });
    const transport = trial.transport({ socketPath: site.socketPath });
    await assert.rejects(transport.openWebSocket('/v1/guests/web/console'), { code: 'not-allowed', message: 'guest “web” is stopped' });
    await assert.rejects(transport.openWebSocket('/v1/guests/web/nothing'), { code: 'not-found' });
    await assert.rejects(transport.openWebSocket('/v1/host'), { code: 'not-found' });
  });

  test('an address that is none is the asker’s mistake, and no defect', async () => {
    const logged: string[] = [];
    const site = await trial.serve({}, {}, { log: jsonLog((line) => logged.push(line), 'warn') });
    for (const address of ['//[', 'http://[::1', '//a:b:c/', '/v1/guests/%zz/console', '/v1/guests/%/console']) {
      const connection = rawConnection(site, `GET ${address} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`);
      await connection.ended;
      assert.match(connection.said(), /^HTTP\/1\.1 40[04] /, address);
    }
    assert.deepEqual(logged, []);
  });

  test('a handshake that is none lets go of the console', async () => {
    const consoles: PassThrough[] = [];
    const site = await trial.serve(
      {},
      {
        guestConsole: () => {
          consoles.push(new PassThrough());
          return Promise.resolve(consoles.at(-1) as Duplex);
        },
      },
    );
    const head = 'GET /v1/guests/web/console HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n';
    for (const rest of ['', 'sec-websocket-key: x\r\nsec-websocket-version: 13\r\n', 'sec-websocket-version: 1\r\n']) {
      const connection = rawConnection(site, `${head}${rest}\r\n`);
      await connection.ended;
      assert.match(connection.said(), /^HTTP\/1\.1 4/);
    }
    await waitFor('every console is let go', () => consoles.length === 3 && consoles.every(({ destroyed }) => destroyed), {
      timeoutMs: 5000,
    });
  });

  test('the end of the console ends the client, the end of the client the console', async () => {
    const consoles: PassThrough[] = [];
    const site = await trial.serve(
      {},
      {
        guestConsole: () => {
          consoles.push(new PassThrough());
          return Promise.resolve(consoles.at(-1) as Duplex);
        },
      },
    );
    const transport = trial.transport({ socketPath: site.socketPath });
    const first = await transport.openWebSocket('/v1/guests/web/console');
    const ended = new Promise<void>((resolve) => first.on('end', resolve));
    first.resume();
    consoles[0]?.end();
    await ended;
    const second = await transport.openWebSocket('/v1/guests/web/console');
    second.destroy();
    await waitFor('the console is let go', () => consoles[1]?.destroyed, { timeoutMs: 60_000 });
  });

  test('a failing console gives its reason', async () => {
    const failing = new PassThrough();
    const site = await trial.serve({}, { guestConsole: () => Promise.resolve(failing) });
    const stream = await trial.transport({ socketPath: site.socketPath }).openWebSocket('/v1/guests/web/console');
    const failed = new Promise<Error>((resolve) => stream.on('error', resolve));
    stream.resume();
    failing.destroy(new CaissonError('unavailable', 'the guest’s QEMU ended'));
    assert.match((await failed).message, /the guest’s QEMU ended/);
  });

  test('a client that does not read holds the console back instead of filling memory, and then gets everything', async () => {
    let made = 0;
    const chunk = Buffer.alloc(16 * 1024, 'x');
    const total = 2000;
    const flood = new Duplex({
      read() {
        if (made === total) this.push(null);
        else {
          made++;
          setImmediate(() => this.push(chunk));
        }
      },
      write(_chunk, _encoding, done) {
        done();
      },
    });
    const site = await trial.serve({}, { guestConsole: () => Promise.resolve(flood) });
    const stream = await trial.transport({ socketPath: site.socketPath }).openWebSocket('/v1/guests/web/console');
    stream.pause();
    let before = -1;
    await waitFor(
      'the flood stands still',
      () => {
        const still = made === before && made > 0;
        before = made;
        return still;
      },
      { timeoutMs: 10_000, everyMs: 200 },
    );
    assert.ok(made < total / 2, `${made} of ${total} chunks were read for a client that reads nothing`);
    let size = 0;
    for await (const part of stream as AsyncIterable<Buffer>) size += part.length;
    assert.equal(size, total * chunk.length);
  });
});

describe('the end', () => {
  test('streams and consoles end at once, a request under way is answered, nothing new is taken', async () => {
    const { promise: answer, resolve } = Promise.withResolvers<never>();
    const events = source();
    let signal: AbortSignal | undefined;
    const site = await trial.serve(
      { guestShow: () => answer },
      {
        eventFollow: () => Promise.resolve(events.items()),
        guestConsole: (call) => {
          signal = call.signal;
          return Promise.resolve(new PassThrough());
        },
      },
    );
    const transport = trial.transport({ socketPath: site.socketPath }, { reconnectForMs: 0 });
    const client = createClient(transport);
    const stream = client.stream('eventFollow')[Symbol.asyncIterator]();
    events.push({ data: 1 });
    await stream.next();
    const console = await transport.openWebSocket('/v1/guests/web/console');
    const consoleEnd = new Promise<Error>((done) => console.on('error', done));
    console.resume();
    const shown = client.call('guestShow', { params: { guest: 'web' } });
    await new Promise((done) => setImmediate(done));
    await client.call('hostShow').catch(() => {});
    const closed = site.server.close(5000);
    await assert.rejects(stream.next(), { code: 'unavailable' });
    assert.match((await consoleEnd).message, /the daemon is ending/);
    assert.equal(signal?.aborted, true);
    await assert.rejects(createClient(trial.transport({ socketPath: site.socketPath })).call('hostShow'), { code: 'unavailable' });
    resolve(sampleGuest(3) as never);
    assert.equal((await shown).name, 'guest-3');
    await closed;
  });

  test('what does not end in its time is cut off', async () => {
    const site = await trial.serve({ hostShow: () => new Promise(() => {}) });
    const asked = trial.client(site).call('hostShow');
    asked.catch(() => {});
    await trial
      .client(site)
      .call('guestList')
      .catch(() => {});
    await site.server.close(100);
    await assert.rejects(asked, { code: 'unavailable' });
  });
});
