// `caisson ui` with what opens a browser on a desk: the real xdg-open, as the user who called sudo where root asks. The browser is a script that keeps what it is
// given, and looks at what everybody on the machine can see meanwhile.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { createClient } from '../../src/api/client.ts';
import { createNodeTransport } from '../../src/api/node-transport.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { jsonLog } from '../../src/lib/log.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { Terminal } from '../cli/terminal.ts';

const password = 'correct horse battery staple';
/** Somebody without rights, who is on every system. */
const deskUser = 'nobody';

let folder = '';
let daemon: SimulatedDaemon;
const logged: string[] = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-test-desk-'));
  chmodSync(folder, 0o755);
  daemon = await startSimulatedDaemon({
    world: createSimulatedWorld(),
    socketPath: join(folder, 'run/api.sock'),
    port: 0,
    bootMs: 1,
    log: jsonLog((line) => logged.push(line), 'debug'),
  });
  const transport = createNodeTransport({ socketPath: join(folder, 'run/api.sock') });
  await createClient(transport).call('userAdd', { body: { name: 'clara', password, bindings: [{ role: 'administrator', on: 'site' }] } });
  transport.close();
});

after(async () => {
  await daemon.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Desk {
  env: Record<string, string>;
  browser: string;
  /** What the browser was given, each time. */
  opened: () => { page: string; by: string; home: string; everybodySees: string }[];
}

/** Where `name` is the browser of a desk, and everything that it is asked to open is kept. */
function makeDesk(name: string): Desk {
  const home = join(folder, name);
  const kept = join(home, 'kept');
  for (const each of [kept, join(home, 'bin'), join(home, '.local/share/applications'), join(home, '.config')])
    mkdirSync(each, { recursive: true });
  chmodSync(kept, 0o777);
  const browser = join(home, 'bin/x-www-browser');
  writeFileSync(
    browser,
    `#!/bin/sh
to=$(mktemp -d "${kept}/XXXXXX") && chmod 755 "$to"
cat "\${1#file://}" > "$to/page"
id -un > "$to/by"
printf %s "$HOME" > "$to/home"
ps -eo args > "$to/seen"
touch "$to/whole"
`,
  );
  chmodSync(browser, 0o755);
  writeFileSync(join(home, '.local/share/applications/desk.desktop'), `[Desktop Entry]\nType=Application\nName=Desk\nExec=${browser} %u\n`);
  writeFileSync(join(home, '.config/mimeapps.list'), '[Default Applications]\ntext/html=desk.desktop\n');
  return {
    browser,
    env: {
      PATH: `${join(home, 'bin')}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      CAISSON_DATA: folder,
      HOME: home,
      XDG_CONFIG_HOME: join(home, '.config'),
      XDG_DATA_HOME: join(home, '.local/share'),
    },
    opened: () =>
      readdirSync(kept)
        .map((each) => join(kept, each))
        .filter((each) => existsSync(join(each, 'whole')))
        .map((each) => {
          const read = (file: string) => readFileSync(join(each, file), 'utf8');
          return { page: read('page'), by: read('by').trim(), home: read('home'), everybodySees: read('seen') };
        }),
  };
}

async function ui(env: Record<string, string>) {
  const terminal = new Terminal({ env });
  const code = await runCli(['ui', '--user', 'clara'], terminal);
  return { code, link: terminal.out.trim(), err: terminal.err };
}

/** Signs in by it, as the page does. */
async function use(link: string): Promise<number> {
  const url = daemon.urls.find((each) => each.startsWith('http')) ?? '';
  const answer = await fetch(`${url}/v1/login/link`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify({ secret: link.split('/').at(-1) }),
  });
  return answer.status;
}

/** It came once, whole, nowhere else, and signs in once. */
async function assertOpenedOnce(desk: Desk, link: string) {
  await waitFor('the browser has it', () => desk.opened().length > 0, { timeoutMs: 60_000 });
  const opened = desk.opened();
  assert.equal(opened.length, 1);
  const [{ page, everybodySees }] = opened as [ReturnType<Desk['opened']>[number]];
  assert.match(link, /^http:\/\/127\.0\.0\.1:\d+\/#\/sign-in\/caisson_signin_[\w-]{43}$/);
  assert.ok(page.includes(`url=${link}"`), page);
  const secret = link.split('/').at(-1) ?? '';
  for (const [where, text] of [
    ['the process table', everybodySees],
    ['the daemon’s log', logged.join('\n')],
    ['the audit log', JSON.stringify(await daemon.world.auditLog.read({ after: 0, limit: 1000 }))],
  ] as const)
    assert.ok(!text.includes(secret.slice('caisson_signin_'.length)), `in ${where}`);
  assert.match(everybodySees, /caisson-ui-\w+/, 'it was looked at while it was there');
  assert.deepEqual(
    readdirSync(tmpdir()).filter((name) => name.startsWith('caisson-ui-') && everybodySees.includes(name)),
    [],
    'and it is gone',
  );
  assert.deepEqual([await use(link), await use(link)], [200, 401]);
  return opened[0] ?? assert.fail();
}

function skipWithoutXdgOpen(t: TestContext): boolean {
  if (existsSync('/usr/bin/xdg-open')) return false;
  t.skip('there is no xdg-open: apt-get install xdg-utils');
  return true;
}

test('on a desk xdg-open gives the one-time link to the user’s browser, once, and nobody else sees it', async (t) => {
  if (skipWithoutXdgOpen(t)) return;
  const desk = makeDesk('desk');
  const isRoot = process.getuid?.() === 0;
  const [uid, gid] = ['-u', '-g'].map((which) => execFileSync('id', [which, deskUser], { encoding: 'utf8' }).trim()) as [string, string];
  const sudo = isRoot ? { SUDO_USER: deskUser, SUDO_UID: uid, SUDO_GID: gid } : {};
  const { code, link, err } = await ui({ ...desk.env, DISPLAY: ':77', ...sudo });
  assert.deepEqual([code, err], [0, '']);
  const { by, home } = await assertOpenedOnce(desk, link);
  if (!isRoot) return;
  assert.equal(by, deskUser);
  assert.equal(home, execFileSync('getent', ['passwd', deskUser], { encoding: 'utf8' }).split(':')[5], 'a home of its own, not root’s');
});

test('BROWSER is taken as others take it: the first of several that runs, the file where it says', async () => {
  const desk = makeDesk('own');
  const { code, link, err } = await ui({ ...desk.env, BROWSER: `/nowhere/browser:${desk.browser} %s --private` });
  assert.deepEqual([code, err], [0, '']);
  await assertOpenedOnce(desk, link);
});

test('a browser that fails is told, with the link to open by hand; as root without a user none is run', async (t) => {
  const desk = makeDesk('broken');
  const failed = await ui({ ...desk.env, BROWSER: '/nowhere/browser:false' });
  assert.equal(failed.code, 0);
  assert.match(failed.link, /caisson_signin_/);
  assert.equal(failed.err, 'no browser was opened: false ended with 1\n');
  if (process.getuid?.() !== 0) return t.diagnostic('not as root: the rest was not tried');
  assert.equal((await ui({ ...desk.env, DISPLAY: ':77' })).err, 'no browser was opened: browsers are not run as root\n');
  assert.deepEqual(desk.opened(), []);
});
