// Reaching out from the host's own network, as an ordinary user: what the daemon, which lives in the guests' network, cannot do itself.
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
  return { lines: parseProbeOutput(stdout, targets.length) };
}
