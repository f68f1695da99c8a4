import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { NamespaceShell } from './namespace-shell.ts';

describe('the shell that stays in the guests’ network', () => {
  let folder: string;
  let shell: NamespaceShell;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'caisson-test-'));
    shell = new NamespaceShell({ enter: [], namespacePath: '/proc/self/ns/net', folder });
  });

  afterEach(() => {
    shell.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('runs vectors of words as they are, one after the other, and tells both outputs', async () => {
    const words = ['a b', '$HOME', '`id`', '"', "'", '\\', '*', '', ' lead', 'é', '-n'];
    const all = [
      shell.run(['printf', '<%s>', ...words]),
      shell.run(['sh', '-c', 'echo out; echo err >&2; exit 3'], { okCodes: [3] }),
      shell.run(['seq', '100000']),
      shell.run(['echo', 'short']),
    ];
    const [printed, both, long, short] = await Promise.all(all);
    assert.equal(printed?.stdout, words.map((word) => `<${word}>`).join(''));
    assert.deepEqual(both, { code: 3, stdout: 'out\n', stderr: 'err\n' });
    assert.equal(long?.stdout.length, 588_895);
    // Nothing of what was said before.
    assert.equal(short?.stdout, 'short\n');
    assert.deepEqual(readdirSync(folder), []);
  });

  test('tells which process a program is, before it does anything', async () => {
    const pids: number[] = [];
    const { stdout } = await shell.run(['sh', '-c', 'echo $$ "$1"; exit 4', 'sh', 'a b'], {
      onSpawn: (pid) => pids.push(pid),
      okCodes: [4],
    });
    assert.equal(stdout, `${pids[0]} a b\n`);
    await assert.rejects(shell.run(['no-such-program'], { onSpawn: (pid) => pids.push(pid) }), { code: 'missing' });
    assert.equal((await shell.run(['echo', 'on'])).stdout, 'on\n');
    assert.equal(pids.length, 2);
  });

  test('keeps no more than it is told to', async () => {
    assert.equal((await shell.run(['seq', '1000'], { maxOutputBytes: 4 })).stdout, '1\n2\n');
  });

  test('refuses a word with a line break, and says why a program failed or is not there', async () => {
    await assert.rejects(shell.run(['echo', 'a\nreboot']), { code: 'invalid' });
    await assert.rejects(shell.run(['ls', '/nowhere']), { code: 'failed', message: /^ls failed \(exit 2\): .*nowhere/ });
    await assert.rejects(shell.run(['no-such-program']), { code: 'missing', message: /no-such-program.*not installed/ });
    assert.equal((await shell.run(['echo', 'on'])).stdout, 'on\n');
  });

  test('ends a program that takes too long with all that it started, and goes on with a new shell', async () => {
    const marker = `2${process.pid}`;
    const late = shell.run(['sh', '-c', `sleep ${marker} & sleep ${marker}`], { timeoutMs: 300 });
    const next = shell.run(['echo', 'next']);
    await assert.rejects(late, { code: 'timeout', message: /sh took longer than 300 ms/ });
    assert.equal((await next).stdout, 'next\n');
    const running = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');
    assert.deepEqual(
      running.filter((line) => line === `sleep ${marker}`),
      [],
    );
  });

  test('a shell that is killed cuts off what it runs, and another one comes', async () => {
    const pid = Number((await shell.run(['sh', '-c', 'echo $PPID'])).stdout);
    const cut = shell.run(['sh', '-c', `kill -9 ${pid}`]);
    await assert.rejects(cut, { code: 'failed', message: /cut off/ });
    assert.notEqual(Number((await shell.run(['sh', '-c', 'echo $PPID'])).stdout), pid);
  });

  describe('of a name', () => {
    const name = `cst-${process.pid}-shell`;
    const make = () => execFileSync('ip', ['netns', 'add', name]);
    const remove = () => execFileSync('ip', ['netns', 'delete', name]);
    const open = () =>
      new NamespaceShell({ enter: ['nsenter', `--net=/run/netns/${name}`, '--'], namespacePath: `/run/netns/${name}`, folder });

    test('writes settings, says which one could not be, and passes over those that are not known', async () => {
      make();
      const inside = open();
      try {
        const key = 'net/ipv4/conf/lo/rp_filter';
        const value = async () => (await inside.run(['sysctl', '-n', key])).stdout;
        await inside.set({ [key]: 1 });
        assert.equal(await value(), '1\n');
        await inside.set({ 'net/no/such': 1, [key]: 2 }, { isKnownOnly: true });
        assert.equal(await value(), '2\n');
        await assert.rejects(inside.set({ 'net/no/such': 1, [key]: 0 }), {
          code: 'failed',
          message: /does not take net\/no\/such=1 of \/proc\/sys: /,
        });
        await assert.rejects(inside.set({ [key]: 2 ** 40 }), {
          code: 'failed',
          message: /does not take net\/ipv4\/conf\/lo\/rp_filter=1099511627776/,
        });
        assert.equal(await value(), '2\n');
      } finally {
        inside.stop();
        remove();
      }
    });

    test('follows it to another network', async () => {
      const inside = open();
      try {
        await assert.rejects(inside.run(['ip', 'link']), { code: 'failed', message: /is gone/ });
        make();
        await inside.run(['ip', 'link', 'add', 'before', 'type', 'veth', 'peer', 'name', 'behind']);
        remove();
        make();
        const { stdout } = await inside.run(['ip', '-o', 'link', 'show']);
        assert.equal(stdout.trim().split('\n').length, 1, stdout);
      } finally {
        inside.stop();
        remove();
      }
    });
  });
});
