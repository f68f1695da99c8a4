// System calls made from within another process: what a guest could do that has taken over its QEMU. Needs root and x86-64.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./syscalls.pl', import.meta.url));

/** Numbers on x86-64. */
const numbers = {
  open: 2,
  socket: 41,
  connect: 42,
  clone: 56,
  fork: 57,
  execve: 59,
  kill: 62,
  rename: 82,
  link: 86,
  symlink: 88,
  ptrace: 101,
  setuid: 105,
  setgid: 106,
  setgroups: 116,
  mknod: 133,
  setpriority: 141,
  chroot: 161,
  mount: 165,
  sethostname: 170,
  ioctl: 16,
  perfEventOpen: 298,
  nameToHandleAt: 303,
  setns: 308,
  unshare: 272,
  bpf: 321,
  execveat: 322,
  openTree: 428,
  fsopen: 430,
  pidfdOpen: 434,
  clone3: 435,
  pidfdGetfd: 438,
} as const;

export type SystemCall = keyof typeof numbers;
export type Argument = number | string | Uint8Array;

/** What a call came to: its result (below zero: the error's number), or the signal that ended the process. */
export type Outcome = { result: number } | { killed: string };

export class InsideProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(pid: number) {
    this.#child = spawn('perl', [program, String(pid)], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (!this.#child.stdout) throw new Error('no output');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  static async open(pid: number): Promise<InsideProcess> {
    const inside = new InsideProcess(pid);
    const said = await inside.#read();
    if (said !== 'ready') throw new Error(`process ${pid}: ${said}`);
    return inside;
  }

  /** Texts end with NUL. */
  async call(name: SystemCall, ...args: Argument[]): Promise<Outcome> {
    const words = args.map((arg) =>
      typeof arg === 'number' ? String(arg) : `x${Buffer.from(typeof arg === 'string' ? `${arg}\0` : arg).toString('hex')}`,
    );
    const said = await this.#ask([numbers[name], ...words].join(' '));
    return said.startsWith('killed ') ? { killed: said.slice(7) } : { result: Number(said) };
  }

  /** Lets the process go on as if nothing had been. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await gone;
  }

  async #ask(line: string): Promise<string> {
    this.#child.stdin?.write(`${line}\n`);
    const said = await this.#read();
    if (said.startsWith('error ')) throw new Error(`${line.slice(0, 80)}: ${said}`);
    return said;
  }

  async #read(): Promise<string> {
    const line = await this.#lines.next();
    return line.done === true ? 'error it has ended' : line.value;
  }
}
