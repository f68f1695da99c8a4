// From a process that was started just now to the answer of the agent in its guest: asked in the same way whoever started it.
import { existsSync } from 'node:fs';
import { AgentClient } from '../src/drivers/qemu/agent-client.ts';
import { systemClock } from '../src/lib/clock.ts';
import { CaissonError } from '../src/lib/errors.ts';
import { waitFor } from '../src/lib/wait-for.ts';

const bootTimeoutMs = 120_000;
const everyMs = 3;
/** A socket is there for a moment before it is listened to. */
const listenTimeoutMs = 5000;

export async function agentAnswers(socketPath: string): Promise<void> {
  await waitFor(`QEMU to make ${socketPath}`, () => existsSync(socketPath), { timeoutMs: bootTimeoutMs, everyMs });
  const seenAt = systemClock.monotonic();
  const agent = new AgentClient(socketPath, systemClock);
  try {
    for (;;) {
      try {
        return await agent.ping(bootTimeoutMs);
      } catch (error) {
        const isRefused = error instanceof CaissonError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
        if (!isRefused || systemClock.monotonic() - seenAt > listenTimeoutMs) throw error;
        await systemClock.sleep(everyMs);
      }
    }
  } finally {
    agent.close();
  }
}
