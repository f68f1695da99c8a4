// File descriptors that somebody left open when starting the helper would go on to the daemon and into every jail. The runtime opens
// all of its own close-on-exec; what is not, above standard error, was inherited.
import { closeSync, readdirSync, readFileSync } from 'node:fs';

const closeOnExec = 0o2000000;

/** Closes them; their numbers. */
export function closeInheritedFiles(): number[] {
  const closed: number[] = [];
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd <= 2) continue;
    let info: string;
    try {
      info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
    } catch {
      continue; // the listing's own
    }
    const flags = Number.parseInt(/^flags:\s+([0-7]+)$/m.exec(info)?.[1] ?? '', 8);
    if ((flags & closeOnExec) !== 0) continue;
    closeSync(fd);
    closed.push(fd);
  }
  return closed;
}
