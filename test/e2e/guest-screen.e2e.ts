// e2e: limit 20 min
// The screen of a real guest, from its firmware's first words: as a picture, through the websocket, by the command line, in a VNC viewer, and in a
// browser. The guest is a typewriter that tells on its serial port what was typed on its keyboard.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import axe from 'axe-core';
import type { Browser } from 'playwright-core';
import { readFrame } from '../../src/lib/rfb-frame.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import { projectRoot } from '../../scripts/project.ts';
import { openBrowser, openPage } from '../page/page-fixture.ts';
import { decodePng, drawnElsewhere, unlikeTheFirst } from '../picture.ts';
import { typewriterDisk, typewriterWords } from '../tiny-guest/typewriter.ts';
import { launcher, RealDaemon } from './real-daemon.ts';

/** Everything here is emulated, on a machine that does other things as well. */
const soon = { timeoutMs: 300_000, everyMs: 100 };

const host = new RealDaemon('cst-screen', { options: ['--listen', '127.0.0.1:0'] });
let folder = '';
let url = '';
let browser: Browser | undefined;
/** What was typed. A key may be told several times: where the host stands still for half a second, the firmware takes it for held down. */
let serial: { stream: Duplex; said: string };

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-typewriter-'));
  chmodSync(folder, 0o755);
  await host.start();
  url = /^ready unix:\S+ (\S+)/m.exec(host.said)?.[1] ?? '';
  const text = `
version: 1
site: screen
zones: { one: { subnets: [10.79.1.0/24] } }
images: { typewriter: { file: ${await typewriterDisk(folder)} } }
guests:
  typist: { image: typewriter, zone: one, memory: 128MiB, disks: { root: 64MiB } }
  blind: { image: typewriter, zone: one, memory: 128MiB, disks: { root: 64MiB }, display: none, autostart: false }
`;
  const parsed = parseSiteFile(text, () => undefined);
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems));
  await host.succeed(host.client.call('siteApply', { body: { site: parsed.site } }));
  serial = await listen();
});

after(async () => {
  await browser?.close();
  serial?.stream.destroy();
  // They hear nobody who asks them to end.
  for (const { name, actions } of (await host.client.call('guestList')).items)
    if (actions.includes('stop')) await host.finish(host.client.call('guestStop', { params: { guest: name } }));
  await host.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What the guest tells on its serial port, from its beginning. */
async function listen(): Promise<{ stream: Duplex; said: string }> {
  const stream = await host.transport.openWebSocket('/v1/guests/typist/console?history=100000');
  const heard = { stream, said: '' };
  stream.on('data', (chunk: Buffer) => (heard.said += chunk.toString('latin1')));
  stream.on('error', () => undefined);
  return heard;
}

async function drawn(): Promise<number> {
  return unlikeTheFirst(decodePng(await host.client.bytes('guestScreenshot', { params: { guest: 'typist' } })));
}

/** A viewer that has shaken hands. */
async function viewer(): Promise<Duplex> {
  const screen = await host.transport.openWebSocket('/v1/guests/typist/screen');
  screen.on('error', () => undefined);
  screen.write('RFB 003.008\n');
  screen.write(Buffer.from([1, 1]));
  return screen;
}

function keyEvent(keysym: number, isDown: boolean): Buffer {
  const event = Buffer.from([4, isDown ? 1 : 0, 0, 0, 0, 0, 0, 0]);
  event.writeUInt32BE(keysym, 4);
  return event;
}

function residentMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
}

async function typist(): Promise<{ pid: number }> {
  const { status } = await host.client.call('guestShow', { params: { guest: 'typist' } });
  return { pid: status.pid ?? assert.fail('it does not run') };
}

test('a picture shows what the firmware writes, and the websocket the same', async () => {
  await waitFor('the typewriter stands', () => serial.said.includes(typewriterWords), soon);
  await waitFor('what it writes', async () => (await drawn()) > 500, soon);
  const frame = await readFrame(await host.transport.openWebSocket('/v1/guests/typist/screen'));
  assert.ok(frame.width >= 640 && frame.height >= 350, `${frame.width} × ${frame.height}`);
  assert.ok(unlikeTheFirst(frame) > 500);
});

test('a key that is pressed on the screen arrives in the guest, which shows it', async () => {
  const before = await drawn();
  const screen = await viewer();
  screen.resume();
  const from = serial.said.length;
  for (const [keysym, isDown] of [
    [0x77, true],
    [0x77, false],
    [0xffe1, true],
    [0x57, true],
    [0x57, false],
    [0xffe1, false],
  ] as const)
    screen.write(keyEvent(keysym, isDown));
  await waitFor('both to be told on the serial port', () => /w+W+$/.test(serial.said.slice(from)), soon);
  await waitFor('both to be shown', async () => (await drawn()) > before, soon);
  screen.destroy();
});

test('a viewer that asks for everything and reads nothing takes no memory, and nothing from others', async () => {
  const { pid } = await typist();
  const before = [residentMib(host.pid), residentMib(pid)];
  const screen = await viewer();
  screen.pause();
  // Two thousand whole screens of a megabyte each.
  const request = Buffer.from([3, 0, 0, 0, 0, 0, 2, 208, 1, 144]);
  screen.write(Buffer.concat(Array.from({ length: 2000 }, () => request)));
  const from = serial.said.length;
  const other = await viewer();
  other.resume();
  for (let key = 0; key < 20; key++) {
    other.write(keyEvent(0x78, true));
    other.write(keyEvent(0x78, false));
    await waitFor('the other to be heard', () => serial.said.length > from + key, soon);
  }
  assert.match(serial.said.slice(from), /x{20,}$/);
  const grown = [residentMib(host.pid), residentMib(pid)].map((now, index) => Math.round(now - (before[index] ?? 0)));
  assert.ok((grown[0] ?? 0) < 48 && (grown[1] ?? 0) < 64, `the daemon grew by ${grown[0]} MiB, QEMU by ${grown[1]} MiB`);
  screen.destroy();
  other.destroy();
});

test('the command line writes a picture; a guest without a display says how it gets one', async () => {
  const file = join(folder, 'screen.png');
  execFileSync(launcher, ['guest', 'screen', 'typist', '--png', file, '--data', host.data]);
  assert.ok(unlikeTheFirst(decodePng(readFileSync(file))) > 500);
  await assert.rejects(host.client.bytes('guestScreenshot', { params: { guest: 'blind' } }), {
    code: 'not-allowed',
    message: /display: vga/,
  });
  await assert.rejects(host.transport.openWebSocket('/v1/guests/blind/screen'), { code: 'not-allowed' });
});

test('a VNC viewer of Debian’s sees at the offered address what the guest shows', async (t) => {
  if (!existsSync('/usr/bin/gvnccapture')) return t.skip('there is no gvnccapture: apt-get install gvncviewer');
  const offer = spawn(launcher, ['guest', 'screen', 'typist', '--listen', '127.0.0.1:0', '--data', host.data], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(offer, 'exit');
  try {
    const said = { out: '', err: '' };
    offer.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
    offer.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
    const port = Number(await waitFor('the address', () => /^vnc:\/\/127\.0\.0\.1:(\d+)\n$/.exec(said.out)?.[1], soon));
    const file = join(folder, 'seen-by-a-viewer.png');
    /** It counts screens from port 5900 on, and writes a picture once it has all of one. */
    const look = async () => {
      const capture = spawn('gvnccapture', [`127.0.0.1:${port - 5900}`, file], {
        stdio: ['ignore', 'ignore', 'inherit'],
        timeout: 120_000,
      });
      assert.deepEqual(await once(capture, 'exit'), [0, null], said.err);
      return decodePng(readFileSync(file));
    };
    /** But for a cursor that blinks. */
    const seesWhatWeSee = async () => {
      const seen = await look();
      const ours = decodePng(await host.client.bytes('guestScreenshot', { params: { guest: 'typist' } }));
      return unlikeTheFirst(seen) > 500 && drawnElsewhere(seen, ours) <= 150;
    };
    await waitFor('the viewer sees what we see', seesWhatWeSee, soon);
    const before = decodePng(readFileSync(file));
    const from = serial.said.length;
    const screen = await viewer();
    screen.resume();
    for (let pressed = 0; pressed < 20; pressed++) {
      for (const isDown of [true, false]) screen.write(keyEvent(0x6d, isDown));
      await waitFor('the key', () => serial.said.length > from + pressed, soon);
    }
    screen.destroy();
    await waitFor(
      'the viewer sees what was typed',
      async () => (await seesWhatWeSee()) && drawnElsewhere(await look(), before) > 300,
      soon,
    );
    assert.equal(offer.exitCode, null, said.err);
  } finally {
    offer.kill('SIGINT');
  }
  assert.deepEqual(await ended, [0, null]);
});

test('in a browser: seen, typed in, a text for its keyboard, and told when the guest is stopped', async () => {
  browser = await openBrowser();
  const token = readFileSync(join(host.data, 'api-token'), 'utf8').trim();
  const { page, context, visit, complaints } = await openPage({ browser, url, token });
  try {
    await visit('#/guests/typist/screen');
    const canvas = page.getByRole('application', { name: 'Screen of typist' });
    await canvas.waitFor();
    const pixels = `(() => {
      const canvas = document.querySelector('.console .screen canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((value, at) => at % 4 === 0 && value !== data[0]).length;
    })()`;
    await waitFor('what the firmware wrote', async () => (await page.evaluate<number>(pixels)) > 500, soon);
    let from = serial.said.length;
    await canvas.focus();
    await page.keyboard.type('hello');
    await waitFor('what was typed', () => /h+e+ll+o+$/.test(serial.said.slice(from)), soon);

    from = serial.said.length;
    // As much as a keyboard keeps for a system that does not read it just now: nothing is lost on however slow a machine.
    const text = 'aW@~';
    await page.getByRole('button', { name: 'Type a text' }).click();
    await page.getByRole('dialog').locator('textarea').fill(text);
    await page.getByRole('button', { name: 'Type it', exact: true }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await waitFor(`“${text}” is typed`, () => /a+W+@+~+$/.test(serial.said.slice(from)), soon);

    mkdirSync(join(projectRoot, 'artefacts/page'), { recursive: true });
    await page.screenshot({ path: join(projectRoot, 'artefacts/page/guest-screen-real.png') });
    await page.evaluate(axe.source);
    const violations = await page.evaluate<{ id: string }[]>(
      `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(({ violations }) => violations)`,
    );
    assert.deepEqual(
      violations.map(({ id }) => id),
      [],
    );
    assert.deepEqual(complaints, []);

    await host.finish(host.client.call('guestStop', { params: { guest: 'typist' } }));
    await page.getByText('No console now').waitFor();
    await host.finish(host.client.call('guestStart', { params: { guest: 'typist' } }));
    await canvas.waitFor();
  } finally {
    await context.close();
  }
});

test('a QEMU that is stopped is told as such, and shown again once it goes on', async () => {
  const { pid } = await typist();
  process.kill(pid, 'SIGSTOP');
  try {
    const isTold = ({ code, message }: { code?: string; message?: string }) =>
      code === 'timeout' || (code === 'not-allowed' && /is unresponsive/.test(message ?? ''));
    const asked = [
      host.transport.openWebSocket('/v1/guests/typist/screen'),
      host.client.bytes('guestScreenshot', { params: { guest: 'typist' } }),
    ];
    await Promise.all(asked.map((each) => assert.rejects(each, isTold)));
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await waitFor('it is shown again', () => drawn().catch(() => undefined), soon);
});
