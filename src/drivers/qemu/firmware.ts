// The firmware images of Debian's packages seabios (QEMU's default) and ovmf.
import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { CaissonError } from '../../lib/errors.ts';

/** UEFI code, shared by all guests and never written. */
export const uefiCodePath = '/usr/share/OVMF/OVMF_CODE_4M.fd';

/** Fresh UEFI variables, copied once for each guest. */
const uefiVariablesPath = '/usr/share/OVMF/OVMF_VARS_4M.fd';

/** Makes a guest's own UEFI variables. Throws `conflict` where there are some already: they are never emptied. */
export async function createUefiVariables(path: string): Promise<void> {
  try {
    await copyFile(uefiVariablesPath, path, constants.COPYFILE_EXCL);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') throw new CaissonError('conflict', `${path} exists: UEFI variables are made once`, { cause });
    if (code === 'ENOENT') throw new CaissonError('missing', `UEFI variables ${path} cannot be made: install the package ovmf`, { cause });
    throw new CaissonError('failed', `UEFI variables ${path} cannot be made`, { cause });
  }
}
