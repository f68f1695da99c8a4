// Reaching out from the host's own network, as an ordinary user: what the daemon, which lives in the guests' network, cannot do itself.
import { networkInterfaces } from 'node:os';
import { run } from '../lib/exec.ts';
import { parseProbeOutput, probeInput, probeScript } from '../lib/probe-script.ts';
import type { HelperArgs, HelperValue } from '../model/helper-protocol.ts';
import type { SystemUser } from './system-user.ts';

const waitSeconds = 3;

export async function probeFromWorld(targets: HelperArgs<'worldProbe'>['targets'], user: SystemUser): Promise<HelperValue<'worldProbe'>> {
  const { stdout } = await run(['perl', '-e', probeScript, String(waitSeconds)], {
    input: probeInput(targets),
    uid: user.userId,
    gid: user.groupId,
    timeoutMs: 60_000,
  });
  const addresses = Object.values(networkInterfaces()).flatMap((interfaces) => interfaces ?? []);
  return {
    lines: parseProbeOutput(stdout, targets.length),
    addresses: addresses.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address),
  };
}
