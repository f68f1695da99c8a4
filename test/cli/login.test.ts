// Signing in from the command line, as somebody at a terminal: questions, contexts, what is kept and who may read it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { Input, Io } from '../../src/cli/io.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { fromBase32 } from '../../src/lib/base32.ts';
import { lockOpenFile } from '../../src/lib/file-lock.ts';
import { totpCode, totpStep } from '../../src/lib/totp.ts';
import { AccessTrial, type Headers, trialPassword } from '../daemon/access-trial.ts';
import { SoftKey } from '../daemon/soft-key.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { Terminal } from './terminal.ts';

const program = join(import.meta.dirname, '../../src/cli/main.ts');
let trial: AccessTrial;
let home = '';

before(async () => {
  trial = await AccessTrial.open();
  await trial.user('ada', ['administrator', 'site']);
  await trial.user('bob', ['viewer', 'guest:web']);
});

after(() => trial.close());

beforeEach(async () => {
  await rm(home, { recursive: true, force: true });
  home = await mkdtemp(join(tmpdir(), 'caisson-home-'));
});

after(() => rm(home, { recursive: true, force: true }));

/** Types the next answer whenever somebody begins to listen. */
class Typist extends EventEmitter implements Input {
  readonly isTTY = true;
  readonly rawModes: boolean[] = [];
  readonly #answers: (string | (() => string))[];

  constructor(answers: (string | (() => string))[]) {
    super();
    this.#answers = answers;
    this.on('newListener', (event) => {
      if (event !== 'data') return;
      // One at a time: who asked before does not listen any more.
      this.removeAllListeners('data');
      setImmediate(() => {
        const answer = this.#answers.shift() ?? '\u0003';
        for (const key of typeof answer === 'string' ? answer : answer()) this.emit('data', Buffer.from(key));
      });
    });
  }

  setRawMode(raw: boolean): void {
    this.rawModes.push(raw);
  }

  pause(): void {}

  resume(): void {}
}

async function run(argv: string[], answers: (string | (() => string))[] = [], env: Record<string, string> = {}) {
  const { terminal, stdin, ended } = start(argv, answers, env);
  return { exit: await ended, out: terminal.out, err: terminal.err, rawModes: stdin.rawModes };
}

function start(argv: string[], answers: (string | (() => string))[] = [], env: Record<string, string> = {}) {
  const terminal = new Terminal({ size: { columns: 200, rows: 50 }, env: { HOME: home, NO_COLOR: '1', ...env } });
  const stdin = new Typist(answers);
  const io: Io = {
    stdin,
    stdout: terminal.stdout,
    stderr: terminal.stderr,
    env: terminal.env,
    onInterrupt: (listener) => terminal.onInterrupt(listener),
  };
  return { terminal, stdin, ended: runCli(argv, io) };
}

const contextsPath = () => join(home, '.config', 'caisson', 'contexts.json');

test('who signs in is asked what is missing, unseen where it is secret, and is then known by the context', async () => {
  const signedIn = await run(['login', trial.url, '--as', 'lab'], ['bob\n', `${trialPassword}\r`]);
  assert.equal(signedIn.exit, 0, signedIn.err);
  assert.match(signedIn.out, /^bob is signed in at http:\S+ until 20\S+ \S+; the context lab is used from now on\n$/);
  assert.deepEqual(signedIn.rawModes, [true, false]);
  assert.doesNotMatch(signedIn.out + signedIn.err, /four words/);
  assert.equal((await stat(contextsPath())).mode & 0o777, 0o600);
  assert.equal((await stat(join(home, '.config', 'caisson'))).mode & 0o777, 0o700);
  assert.doesNotMatch(await readFile(contextsPath(), 'utf8'), /four words/);
  const { items } = JSON.parse((await run(['guest', 'list', '-o', 'json'])).out) as { items: { name: string }[] };
  assert.deepEqual(
    items.map(({ name }) => name),
    ['web'],
  );
  const me = await run(['user', 'me']);
  assert.match(
    me.out,
    /^who +user:bob\nroles +viewer@guest:web\non the site +nothing\non guests +web: view\nsecond factor +no\nsigned in until +20/,
  );
  const contexts = await run(['context', 'list', '-o', 'json']);
  assert.doesNotMatch(contexts.out, /caisson_session/);
  assert.match(contexts.out, /"name": "lab",\s+"url": "http/);
});

test('signing in and out, and changing contexts, are told as JSON and YAML too, without the session’s secret', async () => {
  const login = await run(['login', trial.url, '--user', 'bob', '--as', 'lab', '-o', 'json'], [`${trialPassword}\r`]);
  assert.equal(login.exit, 0, login.err);
  const { endsAt, endsUnusedAt, ...signedIn } = JSON.parse(login.out) as Record<string, string>;
  assert.deepEqual(signedIn, { context: 'lab', url: trial.url, user: 'bob' });
  assert.ok(Date.parse(endsAt ?? '') >= Date.parse(endsUnusedAt ?? ''));
  assert.deepEqual(JSON.parse((await run(['context', 'use', 'local', '-o', 'json'])).out), { current: 'local' });
  assert.equal((await run(['context', 'use', 'lab', '-o', 'yaml'])).out, 'current: lab\n');
  assert.deepEqual(JSON.parse((await run(['logout', '-o', 'json'])).out), { context: 'lab', url: trial.url, user: 'bob' });
  assert.deepEqual(JSON.parse((await run(['context', 'delete', 'lab', '-o', 'json'])).out), { deleted: 'lab', current: 'local' });
});

test('after a logout the session counts for nothing, and the next command says what to do', async () => {
  await run(['login', trial.url, '--user', 'bob', '--as', 'lab'], [`${trialPassword}\r`]);
  const { contexts } = JSON.parse(await readFile(contextsPath(), 'utf8')) as { contexts: { lab: { token: string } } };
  assert.equal((await run(['logout'])).exit, 0);
  assert.doesNotMatch(await readFile(contextsPath(), 'utf8'), /caisson_session/);
  const answer = await trial.ask({ path: '/v1/me', headers: { authorization: `Bearer ${contexts.lab.token}` } });
  assert.equal(answer.status, 401);
  const refused = await run(['guest', 'list']);
  assert.equal(refused.exit, 1);
  assert.match(refused.err, /sign in: caisson login http:/);
  assert.equal((await run(['logout'])).exit, 1);
});

test('several sites: one is used, another is named, the environment and what is typed count more', async () => {
  await run(['login', trial.url, '--user', 'bob', '--as', 'one'], [`${trialPassword}\r`]);
  await run(['login', trial.url, '--user', 'ada', '--as', 'two'], [`${trialPassword}\r`]);
  const names = async (argv: string[] = [], env: Record<string, string> = {}) => {
    const { out } = await run(['guest', 'list', '-o', 'json', ...argv], [], env);
    return (JSON.parse(out) as { items: unknown[] }).items.length;
  };
  assert.equal(await names(), 3);
  assert.equal(await names(['--context', 'one']), 1);
  assert.equal(await names([], { CAISSON_CONTEXT: 'one' }), 1);
  assert.equal(await names(['--context', 'two'], { CAISSON_CONTEXT: 'one' }), 3);
  assert.equal((await run(['context', 'use', 'one'])).exit, 0);
  assert.equal(await names(), 1);
  assert.equal(await names([], { CAISSON_URL: `unix:${trial.socketPath}` }), 3);
  assert.equal((await run(['context', 'delete', 'one'])).exit, 0);
  assert.match((await run(['context', 'list'])).out, /\* +local/);
});

/** A process of its own, as another terminal has. */
function signInElsewhere(name: string): Promise<{ code: number | null; said: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number | null; said: string }>();
  const argv = [program, 'login', trial.url, '--user', 'bob', '--password-stdin', '--as', name];
  const child = spawn(process.execPath, argv, { env: { PATH: process.env['PATH'], HOME: home }, stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.once('close', (code) => resolve({ code, said }));
  child.stdin.end(`${trialPassword}\n`);
  return promise;
}

test('who signs in at the same time as others waits for them, and nobody’s session is lost', async () => {
  const names = ['one', 'two'];
  const kept = async () => Object.keys((JSON.parse(await readFile(contextsPath(), 'utf8')) as { contexts: object }).contexts);
  const sessions = async () => (await trial.local.call('sessionList', { params: { user: 'bob' } })).items.length;
  await run(['login', trial.url, '--user', 'ada', '--as', 'zero'], [`${trialPassword}\r`]);
  // As somebody who is changing it.
  const lock = openSync(`${contextsPath()}.lock`, 'r+');
  assert.ok(lockOpenFile(lock, { waitSeconds: 0 }));
  const had = await sessions();
  const begun = names.map(signInElsewhere);
  await waitFor('all are signed in', async () => (await sessions()) === had + names.length, { timeoutMs: 60_000 });
  assert.deepEqual(await kept(), ['zero']);
  closeSync(lock);
  for (const { code, said } of await Promise.all(begun)) assert.equal(code, 0, said);
  assert.deepEqual((await kept()).toSorted(), ['zero', ...names].toSorted());
});

test('a session that cannot be kept is ended', async () => {
  const sessions = async () => (await trial.local.call('sessionList', { params: { user: 'bob' } })).items.length;
  const had = await sessions();
  // In the way of the lock.
  await mkdir(`${contextsPath()}.lock`, { recursive: true });
  const refused = await run(['login', trial.url, '--user', 'bob'], [`${trialPassword}\r`]);
  assert.equal(refused.exit, 1);
  assert.match(refused.err, /contexts\.json\.lock cannot be opened/);
  assert.equal(await sessions(), had);
  await assert.rejects(stat(contextsPath()));
});

test('a wrong password, Ctrl-C and a password that others could see change nothing', async () => {
  const wrong = await run(['login', trial.url, '--user', 'bob'], ['not this one at all\r']);
  assert.equal(wrong.exit, 1);
  assert.match(wrong.err, /no user has this name and password/);
  assert.equal((await run(['login', trial.url, '--user', 'bob'], ['four\u0003'])).exit, 130);
  await assert.rejects(stat(contextsPath()));
  // What was typed wrong can be taken back.
  const mended = await run(['login', trial.url, '--user', 'bob'], [`x\u0015${trialPassword}yz\u007f\u007f\r`]);
  assert.equal(mended.exit, 0, mended.err);
});

test('a file of contexts that others may read, or that holds something else, is refused', async () => {
  await run(['login', trial.url, '--user', 'bob', '--as', 'lab'], [`${trialPassword}\r`]);
  await chmod(contextsPath(), 0o640);
  const open = await run(['guest', 'list']);
  assert.equal(open.exit, 2);
  assert.match(open.err, /others may read it: chmod 600/);
  await chmod(contextsPath(), 0o600);
  for (const text of [
    '',
    '[]',
    '{"current":"lab"}',
    '{"current":"lab","contexts":{"local":{"url":"http://x","user":"y"}}}',
    '{"current":1,"contexts":{}}',
  ]) {
    await writeFile(contextsPath(), text);
    assert.match((await run(['guest', 'list'])).err, /sign in again/, text);
  }
});

test('a second factor is given, asked for, and taken away', async () => {
  await trial.user('carol', ['viewer', 'site']);
  const local = ['--url', `unix:${trial.socketPath}`];
  const begun = await run(['user', 'totp', 'carol', ...local], ['000000\n']);
  assert.equal(begun.exit, 2);
  assert.match(begun.err, /Give this to the authenticator:\n *secret +[A-Z2-7]{32}\n/);
  assert.match(begun.err, /this is not the code that the authenticator shows now/);
  // By the API, where the secret can be read before the code is typed.
  const { secret } = await trial.local.call('userTotpBegin', { params: { user: 'carol' } });
  // The next code is used for the next sign-in, so that nobody has to wait for it: a code counts one step early too.
  const code = (offset: number) => totpCode(fromBase32(secret) as Uint8Array, totpStep(Date.now()) + offset);
  const { recoveryCodes } = await trial.local.call('userTotpConfirm', { params: { user: 'carol' }, body: { code: code(0) } });
  const signedIn = await run(['login', trial.url, '--user', 'carol'], [`${trialPassword}\r`, () => `${code(1)}\n`]);
  assert.equal(signedIn.exit, 0, signedIn.err);
  assert.match(signedIn.err, /Code of the second factor: /);
  const recovered = await run(['login', trial.url, '--user', 'carol', '--code', recoveryCodes[0] ?? ''], [`${trialPassword}\r`]);
  assert.equal(recovered.exit, 0, recovered.err);
  const removed = await run(['user', 'totp', 'carol', '--remove'], [`${trialPassword}\r`]);
  assert.equal(removed.exit, 0, removed.err);
  assert.equal((await run(['login', trial.url, '--user', 'carol'], [`${trialPassword}\r`])).exit, 0);
});

/** Approves, in a browser, what the command line shows. */
async function approve({ terminal }: { terminal: Terminal }, who: { cookie: Headers } | { user: string }): Promise<void> {
  const find = () => /approve the code {2}([A-Z]{4}-[A-Z]{4}) /.exec(terminal.err)?.[1];
  await waitFor('a code is shown', () => Promise.resolve(find() !== undefined), { timeoutMs: 30_000, everyMs: 10 });
  const json = { code: find(), decision: 'approve' };
  const cookie = 'cookie' in who ? who.cookie : await trial.cookie(who.user);
  const answer = await trial.ask({ method: 'POST', path: '/v1/login/command/decide', json, headers: { ...cookie, ...trial.ownPage } });
  assert.equal(answer.status, 200, answer.text);
}

test('who cannot be asked here is signed in by a browser: as asked for, for a security key, for a provider; another user is sent away', async () => {
  await trial.user('kim', ['viewer', 'site']);
  const { access } = trial.daemon.engine;
  const place = { origin: 'https://room-1.example', host: 'room-1.example' };
  const cookie = await trial.cookie('kim');
  const kim = access.identify({ cookie: cookie['cookie']?.split('=')[1] }, '127.0.0.1');
  assert.ok(kim);
  const key = new SoftKey();
  const begun = await access.users.beginKey('kim', trialPassword, kim, { address: '127.0.0.1', place });
  await access.users.addKey('kim', { name: 'the blue one', creation: key.create(begun, place.origin) }, kim);
  await trial.local.call('identityProviderSet', {
    body: { issuer: 'http://127.0.0.1:1', clientId: 'caisson', label: 'University', roles: [] },
  });
  // Each as of another user of the machine.
  const at = (folder: string) => ({ HOME: join(home, folder) });
  const asked = start(['login', trial.url, '--web', '--no-browser'], [], at('asked'));
  const byKey = start(['login', trial.url, '--user', 'kim', '--no-browser'], [`${trialPassword}\r`], at('by-key'));
  const byProvider = start(['login', trial.url, '--no-browser'], ['\n'], at('by-provider'));
  const another = start(['login', trial.url, '--web', '--user', 'ada', '--no-browser'], [], at('another'));
  await Promise.all([
    approve(asked, { user: 'bob' }),
    approve(byKey, { cookie }),
    approve(byProvider, { user: 'bob' }),
    approve(another, { user: 'bob' }),
  ]);
  for (const [{ terminal, ended }, user] of [
    [asked, 'bob'],
    [byKey, 'kim'],
    [byProvider, 'bob'],
  ] as const) {
    assert.equal(await ended, 0, terminal.err);
    assert.match(terminal.out, new RegExp(`^${user} is signed in at http`));
    assert.match(terminal.err, new RegExp(`Open ${trial.url}/#/command and approve the code`));
    assert.doesNotMatch(terminal.err + terminal.out, /caisson_/);
  }
  assert.match(byKey.terminal.err, /Your second factor is a security key, which works in a browser/);
  assert.match(byProvider.terminal.err, /User \(empty: by “University”, in a browser\): /);
  assert.equal(await another.ended, 1);
  assert.match(another.terminal.err, /bob has approved it in the browser, not ada/);
  // Who was sent away has neither a context nor a session.
  await assert.rejects(stat(join(home, 'another/.config')), { code: 'ENOENT' });
  assert.match(await readFile(join(home, 'by-key/.config/caisson/contexts.json'), 'utf8'), /"user": "kim"/);
  const sessions = (await run(['user', 'sessions', 'kim', '--url', `unix:${trial.socketPath}`])).out;
  assert.match(sessions, /a command line .* caisson on /);
  const { items } = await trial.local.call('sessionList', { params: { user: 'bob' } });
  assert.equal(items.filter(({ program }) => program.startsWith('caisson on ')).length, 2);
  const withoutTerminal = new Terminal({ env: { HOME: home }, typed: `${trialPassword}\n` });
  assert.equal(await runCli(['login', trial.url, '--user', 'kim', '--password-stdin'], withoutTerminal), 1);
  assert.match(withoutTerminal.err, /give a recovery code with --code, or use your security key in a browser: --web/);
  await trial.local.call('identityProviderDelete');
});

test('one’s own new password needs the one before, and is typed twice', async () => {
  await trial.user('dave', ['viewer', 'site']);
  await run(['login', trial.url, '--user', 'dave'], [`${trialPassword}\r`]);
  const different = await run(['user', 'password', 'dave'], [`${trialPassword}\r`, 'wholly other words\r', 'wholly other word\r']);
  assert.equal(different.exit, 2);
  const wrong = await run(['user', 'password', 'dave'], ['not that one at all\r', 'wholly other words\r', 'wholly other words\r']);
  assert.equal(wrong.exit, 1);
  const right = await run(['user', 'password', 'dave'], [`${trialPassword}\r`, 'wholly other words\r', 'wholly other words\r']);
  assert.equal(right.exit, 0, right.err);
  assert.equal((await run(['login', trial.url, '--user', 'dave'], ['wholly other words\r'])).exit, 0);
});

test('names of users, tokens, scopes and contexts are completed', async () => {
  await trial.local.call('tokenCreate', { body: { name: 'completed', bindings: [{ role: 'viewer', on: 'site' }] } });
  await run(['login', trial.url, '--user', 'ada', '--as', 'lab'], [`${trialPassword}\r`]);
  const offered = async (...words: string[]) => (await run(['complete', 'bash', '--', ...words])).out.trimEnd().split('\n').slice(1);
  assert.deepEqual(await offered('user', 'show', 'b'), ['bob']);
  assert.deepEqual(await offered('token', 'delete', 'c'), ['completed']);
  assert.deepEqual(await offered('role', 'grant', 'bob', 'op'), ['operator']);
  assert.deepEqual(await offered('role', 'grant', 'bob', 'operator', '--on', ''), [
    'site',
    'zone:external',
    'zone:internal',
    'guest:database',
    'guest:gate',
    'guest:web',
  ]);
  assert.deepEqual(await offered('context', 'use', ''), ['local', 'lab']);
  assert.deepEqual(await offered('guest', 'list', '--context', 'la'), ['lab']);
});
