// Whether KVM really runs a guest. That /dev/kvm opens proves nothing: there are machines whose KVM carries out one instruction
// at a time, a hundred times slower than QEMU's own translation, and an operating system never comes up. So a small guest
// goes through everything that a system needs (see payload.s) and must be done in a time that any real KVM needs a hundredth of.
import { access, constants, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaissonError, describeError } from '../../../lib/errors.ts';
import { run } from '../../../lib/exec.ts';
import { exitBad, exitGood, exitPort, renderProbeFirmware } from './payload.ts';

export interface AcceleratorChoice {
  accelerator: 'kvm' | 'tcg';
  /** One sentence: why. */
  reason: string;
}

const device = '/dev/kvm';

/** The guest takes about 50 ms; most of this is for a host with no processor to spare. */
const timeoutMs = 4000;

/** Takes at most `timeoutMs` and a little. Throws `missing` without QEMU; every other failure is a reason for `tcg`. */
export async function probeAccelerator(program: string): Promise<AcceleratorChoice> {
  try {
    await access(device, constants.R_OK | constants.W_OK);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return tcg(
      isMissing
        ? `there is no ${device}: the kernel has no KVM, or it is switched off in the firmware`
        : `this user may not open ${device}: it belongs to the group kvm`,
    );
  }
  try {
    const code = await runProbeGuest(program, 'kvm', timeoutMs);
    if (code === exitGood) return { accelerator: 'kvm', reason: 'a probe guest ran with KVM' };
    return tcg('a probe guest computed wrongly with KVM');
  } catch (error) {
    if (!(error instanceof CaissonError) || error.code === 'missing') throw error;
    if (error.code !== 'timeout') return tcg(`QEMU cannot use KVM: ${describeError(error)}`);
    return tcg(
      `${device} is there but does not really run guests: a probe guest was not done after ${timeoutMs / 1000} s, which takes 0.1 s where KVM works`,
    );
  }
}

/** QEMU's exit code: `exitGood` or `exitBad`. Throws `timeout` when the guest did not come to its end. */
export async function runProbeGuest(program: string, accelerator: 'kvm' | 'tcg', limitMs: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-probe-'));
  try {
    const firmware = join(folder, 'firmware.bin');
    await writeFile(firmware, renderProbeFirmware());
    const machine = ['-machine', 'q35,usb=off', '-accel', accelerator, '-cpu', 'qemu64', '-m', '16M', '-bios', firmware];
    const exit = ['-device', JSON.stringify({ driver: 'isa-debug-exit', iobase: exitPort, iosize: 4 })];
    const result = await run([program, '-no-user-config', '-nodefaults', '-display', 'none', ...machine, ...exit], {
      timeoutMs: limitMs,
      okCodes: [exitGood, exitBad],
    });
    return result.code;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function tcg(reason: string): AcceleratorChoice {
  return { accelerator: 'tcg', reason };
}
