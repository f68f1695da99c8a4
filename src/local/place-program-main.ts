// Places the program and prints where: bin/caisson then runs the helper from there.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeError } from '../lib/errors.ts';
import { placeProgram } from './program.ts';

try {
  const distFolder = dirname(fileURLToPath(import.meta.url));
  const folder = await placeProgram({ distFolder, node: process.execPath, base: '/var/cache/caisson/program' });
  process.stdout.write(`${folder}\n`);
} catch (error) {
  process.stderr.write(`caisson: ${describeError(error)}\n`);
  process.exitCode = 1;
}
