// A guest whose QEMU does not keep to its protocol: whatever it says, or does not say, nothing is guessed, and nothing is waited for for ever.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { waitFor } from '../../lib/wait-for.ts';
import type { HypervisorEvent } from '../hypervisor.ts';
import { RunningGuest } from './running-guest.ts';

const uid = 'gk3m9x4q2ab';
const greeting = '{"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":0},"package":""},"capabilities":[]}}\n';

/** How the one at the other end of the monitor's socket behaves; may be changed at any time. */
interface Monitor {
  greet: (socket: Socket) => void;
  answer: (socket: Socket, command: string, id: number) => void;
}

const sound: Monitor = {
  greet: (socket) => socket.write(greeting),
  answer(socket, command, id) {
    const value = command === 'query-status' ? { status: 'running', singlestep: false, running: true } : {};
    socket.write(`${JSON.stringify({ return: value, id })}\n`);
  },
};

async function setUp(t: TestContext, monitor: Partial<Monitor>) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-monitor-'));
  const behaviour: Monitor = { ...sound, ...monitor };
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    behaviour.greet(socket);
    let said = '';
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const lines = said.split('\n');
      said = lines.pop() ?? '';
      for (const line of lines) {
        const { execute, id } = JSON.parse(line) as { execute: string; id: number };
        behaviour.answer(socket, execute, id);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'qmp.sock'), resolve));
  const events: HypervisorEvent[] = [];
  // This very process stands for QEMU's: it lives, whatever the socket does.
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const startTime = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  const guest = new RunningGuest(
    { uid, pid: process.pid, startTime, startedAt: 0 },
    {
      clock: systemClock,
      log: silentLog,
      processes: {} as never,
      emit: (event) => events.push(event),
      socketFolder: folder,
      consoleLogPath: join(folder, 'console.log'),
    },
    false,
  );
  t.after(() => {
    guest.release();
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return { guest, behaviour, events, sockets };
}

const stateOf = async (guest: RunningGuest) => (await guest.observe(300)).state;

const madnesses: Record<string, Partial<Monitor>> = {
  'says nothing at all': { greet: () => undefined },
  'greets and answers nothing': { answer: () => undefined },
  'speaks another protocol': { greet: (socket) => socket.write('220 mail.example ESMTP\r\n') },
  'says half a JSON': { answer: (socket) => socket.write('{"return": {"sta') },
  'says JSON of another form': { answer: (socket, _command, id) => socket.write(`${JSON.stringify({ return: ['running'], id })}\n`) },
  'answers questions that nobody asked': {
    answer: (socket, _command, id) => socket.write(`${JSON.stringify({ return: {}, id: id + 7 })}\n`),
  },
  'talks without an end': { answer: (socket) => socket.write('x'.repeat(3 * 1024 * 1024)) },
  'hangs up at once': { greet: (socket) => socket.destroy() },
};

for (const [madness, monitor] of Object.entries(madnesses)) {
  test(`a QEMU that ${madness} is unresponsive, and known again when it is sound`, async (t) => {
    const { guest, behaviour, sockets } = await setUp(t, monitor);
    assert.equal(await stateOf(guest), 'unresponsive');
    assert.equal(await stateOf(guest), 'unresponsive');
    assert.equal(guest.hasEnded, false);
    Object.assign(behaviour, sound);
    // One that was silent on a connection stays so: QEMU itself would go on where it was.
    for (const socket of sockets) socket.destroy();
    await waitFor('it is known again', async () => (await stateOf(guest)) === 'running', { timeoutMs: 5000 });
  });
}

test('the events of panic, dump, watchdog and a full disk are understood; one of another form is left out', async (t) => {
  let status = 'running';
  const { guest, events, sockets } = await setUp(t, {
    answer(socket, command, id) {
      const blocks = [{ device: '', qdev: 'disk0', 'io-status': 'nospace' }];
      const value = command === 'query-status' ? { status } : command === 'query-block' ? blocks : {};
      socket.write(`${JSON.stringify({ return: value, id })}\n`);
    },
  });
  assert.equal(await stateOf(guest), 'running');
  const say = (event: string, data: object = {}) => {
    for (const socket of sockets) socket.write(`${JSON.stringify({ event, data, timestamp: { seconds: 1, microseconds: 0 } })}\n`);
  };
  const halts = async (why: string) => {
    const isSo = (event: HypervisorEvent) =>
      event.kind === 'changed' && event.observation.state === 'halted' && event.observation.why === why;
    await waitFor(`it is halted: ${why}`, () => events.some(isSo), { timeoutMs: 5000 });
  };
  say('GUEST_PANICKED', { action: 7 });
  say('GUEST_CRASHLOADED', { action: 'run' });
  say('GUEST_PANICKED', { action: 'pause' });
  status = 'guest-panicked';
  say('STOP');
  await halts('panicked');
  assert.deepEqual(
    events.filter((event) => event.kind === 'panicked').map((event) => event.kind === 'panicked' && event.goesOn),
    [true, false],
  );
  status = 'watchdog';
  say('WATCHDOG', { action: 'pause' });
  say('STOP');
  await halts('watchdog');
  status = 'running';
  say('RESUME');
  await waitFor('it runs', async () => (await stateOf(guest)) === 'running', { timeoutMs: 5000 });
  status = 'io-error';
  say('BLOCK_IO_ERROR', { operation: 'write', action: 'stop', nospace: true, reason: 'No space left on device' });
  say('STOP');
  await halts('no-space');
});
