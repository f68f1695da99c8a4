// What this host's QEMU is and what new guests are pinned to. Asking takes up to five seconds where KVM does not work, so the
// answer is kept in a file, for as long as QEMU, kernel and processor are the same.
import { spawn } from 'node:child_process';
import { access, constants, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';
import { waitFor } from '../../lib/wait-for.ts';
import type { HypervisorFacts } from '../hypervisor.ts';
import { chooseCpuModel } from './choose-cpu-model.ts';
import { type AcceleratorChoice, probeAccelerator } from './probe/probe-accelerator.ts';
import { QmpClient } from './qmp-client.ts';
import { qemuProgram } from './render-argv.ts';

export interface QemuFacts extends HypervisorFacts {
  /** Why this accelerator, in one sentence. */
  reason: string;
}

export interface QemuFactsOptions {
  clock?: Clock;
  program?: string;
  /** Where the answer is kept; absent: asked anew. */
  cachePath?: string;
}

const askTimeoutMs = 10_000;

const cacheSchema = z.strictObject({
  key: z.string(),
  facts: z.strictObject({
    accelerator: z.enum(['kvm', 'tcg']),
    reason: z.string(),
    version: z.string(),
    machineType: z.string(),
    cpuModel: z.string(),
  }),
});

/** Throws `missing` when QEMU is not installed. */
export async function readQemuFacts(options: QemuFactsOptions = {}): Promise<QemuFacts> {
  const { clock = systemClock, program = qemuProgram, cachePath } = options;
  const key = await cacheKey(program);
  const cached = cachePath === undefined ? undefined : await readCache(cachePath);
  if (cached?.key === key) return cached.facts;
  const choice = await probeAccelerator(program);
  const facts = await askQemu(program, choice, clock);
  // A lost cache is only asked for again, so it need not be durable.
  if (cachePath !== undefined) await writeFile(cachePath, JSON.stringify({ key, facts }));
  return facts;
}

async function cacheKey(program: string): Promise<string> {
  const file = await stat(program).catch((cause: unknown) => {
    throw new CaissonError('missing', `${program} is not there: install the package qemu-system-x86`, { cause });
  });
  const mayUseKvm = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  return [program, file.size, file.mtimeMs, release(), cpus()[0]?.model, mayUseKvm].join('|');
}

async function readCache(path: string): Promise<z.output<typeof cacheSchema> | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return cacheSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // half written
  }
}

/** Starts a QEMU without a machine and asks it. */
async function askQemu(program: string, choice: AcceleratorChoice, clock: Clock): Promise<QemuFacts> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-facts-'));
  const path = join(folder, 'qmp.sock');
  const args = [
    '-no-user-config',
    '-nodefaults',
    '-display',
    'none',
    '-machine',
    'none',
    '-accel',
    choice.accelerator,
    '-qmp',
    `unix:${path},server=on,wait=off`,
  ];
  const qemu = spawn(program, args, { stdio: 'ignore' });
  let hasEnded = false;
  qemu.once('error', () => (hasEnded = true));
  qemu.once('exit', () => (hasEnded = true));
  let qmp: QmpClient | undefined;
  try {
    qmp = await waitFor(
      `${program} to answer`,
      () => {
        if (hasEnded) throw new CaissonError('failed', `${program} does not start: run it by hand to see why`);
        return QmpClient.connect(path, { clock, onEvent() {}, onClosed() {} }).catch(() => undefined);
      },
      { timeoutMs: askTimeoutMs, everyMs: 10, clock },
    );
    const { qemu: version } = await qmp.execute('query-version', askTimeoutMs);
    const machines = await qmp.execute('query-machines', askTimeoutMs);
    const machineType = machines.find((machine) => machine.alias === 'q35')?.name;
    if (machineType === undefined) throw new CaissonError('missing', `${program} has no machine of the kind q35`);
    const models = choice.accelerator === 'kvm' ? await qmp.execute('query-cpu-definitions', askTimeoutMs) : [];
    return {
      ...choice,
      version: `${version.major}.${version.minor}.${version.micro}`,
      machineType,
      cpuModel: chooseCpuModel(choice.accelerator, models),
    };
  } finally {
    qmp?.close();
    qemu.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}
