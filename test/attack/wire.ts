// Frames sent and heard in a network namespace, by the Perl program that guests run, too.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const wireProgram = fileURLToPath(new URL('./wire.pl', import.meta.url));

/** What a frame carries so that it is known again. */
export class Mark {
  readonly id = randomBytes(3).toString('hex');
  /** Eight bytes twice: one of them is whole in any piece of a packet that holds sixteen bytes, or eight at a multiple of eight. */
  readonly bytes = Buffer.from(`\u00ca:${this.id}\u00ca:${this.id}`, 'latin1');

  /** A frame that is told by the wire it is sent on: behind a packet's end the mark does not travel further than the wire. */
  behind(frame: Uint8Array): Buffer {
    return Buffer.concat([frame, this.bytes]);
  }
}

export class Wire {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  readonly #folder: string;
  #files = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** Runs in the network namespace of that name; files of frames are written to `folder`. */
  constructor(namespace: string, folder: string) {
    this.#folder = folder;
    this.#child = spawn('nsenter', [`--net=/run/netns/${namespace}`, '--', 'perl', wireProgram], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (!this.#child.stdout) throw new Error('no output');
    this.#reader = createInterface({ input: this.#child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async hear(...interfaces: string[]): Promise<void> {
    await this.#ask(`hear ${interfaces.join(' ')}`);
  }

  /** How often each mark was heard since the last time, by interface. */
  async heard(): Promise<{ on: string; id: string; times: number }[]> {
    const said = await this.#ask('heard');
    return said
      .split(' ')
      .filter(Boolean)
      .map((word) => word.split(':'))
      .map(([on = '', id = '', times]) => ({ on, id, times: Number(times) }));
  }

  /** How many were sent: the kernel refuses none that its network could carry. */
  async send(interfaceName: string, frames: readonly Uint8Array[], times = 1): Promise<number> {
    const said = await this.#ask(`send ${interfaceName} ${times} ${this.#write(frames)}`);
    return Number(said.split(' ')[0]);
  }

  /** Sends without end, as fast as it can. */
  async flood(interfaceName: string, frames: readonly Uint8Array[]): Promise<void> {
    await this.#ask(`flood ${interfaceName} ${this.#write(frames)}`);
  }

  /** Ends the flood; how many frames were sent. */
  async still(): Promise<number> {
    return Number(await this.#ask('still'));
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await gone;
    this.#reader.close();
  }

  #write(frames: readonly Uint8Array[]): string {
    const path = `${this.#folder}/frames-${this.#child.pid}-${this.#files++}`;
    writeFileSync(path, frames.map((frame) => `${Buffer.from(frame).toString('hex')}\n`).join(''));
    return path;
  }

  #ask(command: string): Promise<string> {
    const answer = this.#last.then(async () => {
      this.#child.stdin?.write(`${command}\n`);
      const line = await this.#lines.next();
      const said = line.done === true ? 'error it has ended' : line.value;
      if (!said.startsWith('ok ')) throw new Error(`${command}: ${said}`);
      return said.slice(3);
    });
    this.#last = answer.catch(() => undefined);
    return answer;
  }
}
