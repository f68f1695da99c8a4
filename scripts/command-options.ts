// The options of our npm commands: what is not known is told with what is, and ends with 2.
import { parseArgs, type ParseArgsConfig } from 'node:util';

export function readOptions<const T extends ParseArgsConfig>(usage: string, config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    process.stderr.write(`${(error as Error).message.split('. To specify')[0]}\nusage: ${usage}\n`);
    process.exit(2);
  }
}
