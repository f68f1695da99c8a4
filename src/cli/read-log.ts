// The audit log, entry by entry: from the daemon, or from an export or archive of it.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { CallResult, Client } from '../api/client.ts';
import type { Endpoints } from '../api/endpoints.ts';
import { CaissonError } from '../lib/errors.ts';
import type { ChainCheck } from '../model/log-chain.ts';

const page = 1000;

/** Pages until there is no more; what is written meanwhile belongs to the last one or to another time. */
export async function* readLogPages(client: Client, from: number): AsyncGenerator<CallResult<Endpoints['logEntries']>> {
  for (let after = from; ;) {
    const answer = await client.call('logEntries', { query: { after, limit: page } });
    yield answer;
    const next = answer.items.at(-1)?.number;
    if (answer.items.length < page || next === undefined || next <= after) return;
    after = next;
  }
}

/** Throws `invalid` for what is no such file, naming the line. */
export async function readLogFile(file: string, check: ChainCheck): Promise<void> {
  let number = 0;
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      number++;
      if (line !== '') check.take(parseLine(line, file, number));
    }
  } catch (cause) {
    throw cause instanceof CaissonError ? cause : new CaissonError('failed', `${file} cannot be read`, { cause });
  }
  if (number === 0) throw new CaissonError('invalid', `${file} is empty: it is no export of an audit log`);
}

function parseLine(line: string, file: string, number: number): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (cause) {
    throw new CaissonError('invalid', `line ${number} of ${file} is not JSON: is it an export of an audit log?`, { cause });
  }
}
