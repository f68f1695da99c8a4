// A disk that boots into a typewriter: what is typed on the guest's keyboard is shown on its screen and told on its serial port, by the firmware's
// own means. It stands a second after the start, and needs no operating system.
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/lib/exec.ts';

/** What it writes first. */
export const typewriterWords = 'typewriter';

// prettier-ignore
const program = [
  0x31, 0xc0,             // 00  xor ax, ax
  0x8e, 0xd8,             // 02  mov ds, ax
  0xbe, 0x28, 0x7c,       // 04  mov si, words
  0xac,                   // 07  lodsb
  0x84, 0xc0,             // 08  test al, al
  0x74, 0x05,             // 0a  jz 11
  0xe8, 0x0b, 0x00,       // 0c  call 1a
  0xeb, 0xf6,             // 0f  jmp 07
  0x30, 0xe4,             // 11  xor ah, ah
  0xcd, 0x16,             // 13  int 16h: waits for a key
  0xe8, 0x02, 0x00,       // 15  call 1a
  0xeb, 0xf7,             // 18  jmp 11
  0x50,                   // 1a  push ax
  0xb4, 0x0e,             // 1b  mov ah, 0eh
  0xbb, 0x07, 0x00,       // 1d  mov bx, 7
  0xcd, 0x10,             // 20  int 10h: shows al
  0x58,                   // 22  pop ax
  0xba, 0xf8, 0x03,       // 23  mov dx, 3f8h
  0xee,                   // 26  out dx, al
  0xc3,                   // 27  ret
];

/** Path of a qcow2 image in `folder`, world-readable. */
export async function typewriterDisk(folder: string): Promise<string> {
  const sector = Buffer.alloc(512);
  sector.set(program);
  sector.write(`${typewriterWords}\r\n`, program.length, 'latin1');
  sector.set([0x55, 0xaa], 510);
  const raw = join(folder, 'typewriter.raw');
  const path = join(folder, 'typewriter.qcow2');
  await writeFile(raw, Buffer.concat([sector, Buffer.alloc(1024 * 1024 - 512)]));
  await run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', raw, path]);
  await chmod(path, 0o644);
  await rm(raw);
  return path;
}
