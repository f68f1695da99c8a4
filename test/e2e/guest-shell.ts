// The shell at a guest's serial console, for tests. A guest is ready before its shell is, and what is typed until then is lost; so a shell is
// first asked for a sign of life, again and again. And what a slow guest has not read yet is lost with the connection: it is kept until
// the guest or the test ends.
import type { Duplex } from 'node:stream';
import { pathOf } from '../../src/api/client.ts';
import { endpoints } from '../../src/api/endpoints.ts';
import type { NodeTransport } from '../../src/api/node-transport.ts';
import { waitFor } from '../../src/lib/wait-for.ts';

/** Everything here is emulated, on a machine that does other things as well. */
const answerMs = 400_000;
/** Typed again after this. */
const againMs = 15_000;

export class GuestShell {
  readonly #transport: NodeTransport;
  readonly #guest: string;
  #console: { stream: Duplex; said: string } | undefined;

  constructor(transport: NodeTransport, guest: string) {
    this.#transport = transport;
    this.#guest = guest;
  }

  /** Types a line once the shell reads what is typed, whatever becomes of it. */
  async type(line: string): Promise<void> {
    await this.answer('true');
    const { stream } = await this.#open();
    stream.write(`${line}\n`);
  }

  /** What a command prints, however often it is run: it is typed again while nothing comes of it. */
  async answer(command: string): Promise<string> {
    const until = performance.now() + answerMs;
    for (;;) {
      const mark = `mark${Math.random().toString(36).slice(2)}`;
      const console = await this.#open();
      const from = console.said.length;
      // Quoted, so that the echo of what is typed is not taken for the answer; a new line ends what a shell has of an earlier one.
      console.stream.write(`\n${command}; echo ${mark.slice(0, 4)}''${mark.slice(4)}\n`);
      const answer = () => {
        const end = console.said.indexOf(`${mark}\r`, from);
        return end === -1 ? undefined : console.said.slice(Math.max(from, console.said.lastIndexOf(command, end)), end);
      };
      const isLast = performance.now() + againMs > until;
      try {
        return await waitFor(`the shell of ${this.#guest} to answer “${command}”`, answer, { timeoutMs: againMs, everyMs: 50 });
      } catch (error) {
        if (isLast) throw error;
      }
    }
  }

  close(): void {
    this.#console?.stream.destroy();
  }

  /** Anew after the guest's end. */
  async #open(): Promise<{ stream: Duplex; said: string }> {
    if (this.#console && !this.#console.stream.destroyed) return this.#console;
    const stream = await this.#transport.openWebSocket(pathOf(endpoints.guestConsole, { guest: this.#guest }, { history: 0 }));
    const console = { stream, said: '' };
    stream.on('data', (chunk: Buffer) => (console.said += chunk.toString('latin1')));
    stream.on('error', () => stream.destroy());
    stream.on('close', () => stream.destroy());
    this.#console = console;
    return console;
  }
}
