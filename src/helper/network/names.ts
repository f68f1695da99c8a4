// dnsmasq: an ordinary user with the three capabilities that DHCP and names need, detached, so that it outlives the helper; found
// again by process id and start time.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { CaissonError } from '../../lib/errors.ts';
import { failpoint } from '../../lib/failpoint.ts';
import { waitFor } from '../../lib/wait-for.ts';
import { readProcess } from '../process-stat.ts';
import type { GuestsNamespace } from './guests-namespace.ts';

const capabilities = '-all,+net_admin,+net_raw,+net_bind_service';
/** It reads its configuration within milliseconds, and ends when that is wrong. */
const settledMs = 5000;

export interface NamesTexts {
  config: string;
  dhcpHosts: string;
  names: string;
}

export class NameService {
  readonly #namespace: GuestsNamespace;
  readonly #folder: string;
  readonly #userId: number;

  constructor(namespace: GuestsNamespace, folder: string, userId: number) {
    this.#namespace = namespace;
    this.#folder = folder;
    this.#userId = userId;
  }

  isRunning(): boolean {
    return this.#process() !== undefined;
  }

  async start({ config, dhcpHosts, names }: NamesTexts): Promise<void> {
    await this.stop();
    this.#write({ config, dhcpHosts, names });
    const file = (name: string) => `${this.#folder}/${name}`;
    const argv = this.#namespace.command([
      'setpriv',
      `--reuid=${this.#userId}`,
      `--regid=${this.#userId}`,
      '--clear-groups',
      '--no-new-privs',
      `--inh-caps=${capabilities}`,
      `--ambient-caps=${capabilities}`,
      `--bounding-set=${capabilities}`,
      'dnsmasq',
      '--keep-in-foreground',
      '--pid-file=',
      `--conf-file=${file('dnsmasq.conf')}`,
      `--dhcp-hostsfile=${file('dhcp-hosts')}`,
      `--addn-hosts=${file('names')}`,
    ]);
    const output = openSync(file('dnsmasq.said'), 'w', 0o600);
    const [program, ...args] = argv;
    const child = spawn(program, args, {
      stdio: ['ignore', output, output],
      detached: true,
      cwd: '/',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
    });
    closeSync(output);
    child.unref();
    let hasEnded = false;
    for (const event of ['error', 'exit']) child.once(event, () => (hasEnded = true));
    const { pid } = child;
    await waitFor('dnsmasq is ready', () => hasEnded || (pid !== undefined && this.#isReady(pid)), { timeoutMs: settledMs, everyMs: 5 });
    failpoint('names.started');
    const startTime = pid === undefined ? undefined : readProcess(pid)?.startTime;
    if (hasEnded || startTime === undefined) {
      const said = readFileSync(file('dnsmasq.said'), 'utf8').trim().slice(-400);
      throw new CaissonError('failed', `dnsmasq does not start: ${said || 'setpriv or dnsmasq is not installed'}`);
    }
    writeFileSync(file('dnsmasq.json'), JSON.stringify({ pid, startTime }), { mode: 0o600 });
  }

  reload(texts: Omit<NamesTexts, 'config'>): void {
    const running = this.#process();
    if (!running) throw new CaissonError('not-allowed', 'dnsmasq does not run: start it');
    this.#write(texts);
    process.kill(running, 'SIGHUP');
  }

  async stop(): Promise<void> {
    // Also one whose helper died before it could write down which it was: it holds the addresses.
    for (const pid of this.#all()) endProcess(pid);
    await waitFor('dnsmasq ends', () => this.#all().length === 0, { timeoutMs: settledMs, everyMs: 5 });
    for (const name of ['dnsmasq.json', 'dnsmasq.conf', 'dhcp-hosts', 'names', 'dnsmasq.said'])
      rmSync(`${this.#folder}/${name}`, { force: true });
  }

  #write(texts: Partial<NamesTexts>): void {
    const files = { config: 'dnsmasq.conf', dhcpHosts: 'dhcp-hosts', names: 'names' } as const;
    for (const [key, content] of Object.entries(texts))
      writeFileSync(`${this.#folder}/${files[key as keyof NamesTexts]}`, content, { mode: 0o644 });
  }

  /** Every process that was started with this folder's configuration, whatever of its chain of programs it is at. */
  #all(): number[] {
    const mark = `--conf-file=${this.#folder}/dnsmasq.conf`;
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => readArguments(pid).includes(mark) && readProcess(pid) !== undefined);
  }

  /** Its process id, when the one that we started lives. */
  #process(): number | undefined {
    let record: { pid: number; startTime: number };
    try {
      record = JSON.parse(readFileSync(`${this.#folder}/dnsmasq.json`, 'utf8')) as typeof record;
    } catch {
      return undefined;
    }
    return readProcess(record.pid)?.startTime === record.startTime ? record.pid : undefined;
  }

  /** It handles signals only once its configuration is read: a SIGHUP earlier would end it. */
  #isReady(pid: number): boolean {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'latin1');
      const caught = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
      return /^Name:\s*dnsmasq$/m.test(status) && (caught & 1n) === 1n;
    } catch {
      return false;
    }
  }
}

function readArguments(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // gone
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
