// Can this machine run guests, and how well? Each check is asked by itself; none changes anything.
import { describeError } from '../lib/errors.ts';
import type { Check, CheckResult } from './doctor/check.ts';
import { clock } from './doctor/check-clock.ts';
import { cgroups, kernel, links } from './doctor/check-kernel.ts';
import { kvm } from './doctor/check-kvm.ts';
import { memory, swap } from './doctor/check-memory.ts';
import { forwarding, names, nftables, router } from './doctor/check-network.ts';
import { processors } from './doctor/check-processors.ts';
import { packages, qemu, user } from './doctor/check-programs.ts';
import { cacheSpace, dataSpace } from './doctor/check-storage.ts';
import { uplinks, type WishedNetwork } from './doctor/check-uplinks.ts';
import { type DoctorHost, systemHost } from './doctor/host.ts';

export interface DoctorOptions {
  dataDirectory: string;
  cacheDirectory: string;
  /** What the site asks of the host's network; absent or undefined: there is no site, or nobody may read it. */
  wished?: () => Promise<WishedNetwork | undefined>;
  /** Default: this machine. */
  host?: DoctorHost;
}

/** The results in a fixed order, each as soon as it and those before it are there; the slowest (KVM) comes last. */
export async function* runDoctor(options: DoctorOptions): AsyncGenerator<CheckResult, void> {
  const host = options.host ?? systemHost();
  const asked = options.wished?.();
  const wished = async () => asked;
  const checks: Check[] = [
    packages,
    qemu,
    user,
    kernel,
    links,
    cgroups,
    processors,
    memory,
    swap,
    dataSpace(options.dataDirectory),
    cacheSpace(options.cacheDirectory),
    nftables,
    forwarding(wished),
    uplinks(wished),
    router,
    names,
    clock,
    kvm,
  ];
  const results = checks.map((check) => runCheck(check, host));
  for (const result of results) yield await result;
}

/** 0: all is well; 1: there are warnings; 2: guests cannot run. */
export function doctorExitCode(results: readonly CheckResult[]): 0 | 1 | 2 {
  if (results.some(({ verdict }) => verdict === 'bad')) return 2;
  return results.some(({ verdict }) => verdict === 'warning') ? 1 : 0;
}

/** Never rejects. */
async function runCheck(check: Check, host: DoctorHost): Promise<CheckResult> {
  const { name } = check;
  if (check.needsRoot && !host.isRoot) {
    return {
      name,
      verdict: 'warning',
      found: 'not checked: only root can',
      explanation: 'It makes a network namespace of its own to try in.',
      mend: 'run caisson doctor as root',
      unchecked: true,
    };
  }
  try {
    return { name, ...(await check.run(host)) };
  } catch (error) {
    return {
      name,
      verdict: 'warning',
      found: `could not be checked: ${describeError(error)}`,
      explanation: 'Nothing is known about it.',
      mend: 'mend what is said, and ask again',
    };
  }
}
