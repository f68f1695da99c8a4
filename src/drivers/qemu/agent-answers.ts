// What a guest agent answers, parsed once. The guest may lie: nothing here is trusted beyond its form, and texts are bounded. Pure.
import { CaissonError } from '../../lib/errors.ts';
import type { GuestInterface } from '../hypervisor.ts';

const maxHostName = 253;
const maxInterfaces = 256;
const maxAddresses = 64;
const maxCpus = 4096;

export function parseHostName(value: unknown): string {
  const name = member(value, 'host-name');
  if (typeof name !== 'string' || name.length > maxHostName) throw bad('host name');
  return name;
}

export function parsePid(value: unknown): number {
  const pid = member(value, 'pid');
  if (!Number.isSafeInteger(pid)) throw bad('process number');
  return pid as number;
}

/** Undefined while the program runs. A program ended by a signal has the code that a shell gives it. */
export function parseExecStatus(value: unknown): { code: number; stdout: string; stderr: string } | undefined {
  const exited = member(value, 'exited');
  if (typeof exited !== 'boolean') throw bad('program status');
  if (!exited) return undefined;
  const signal = member(value, 'signal');
  const code = typeof signal === 'number' ? 128 + signal : member(value, 'exitcode');
  if (!Number.isSafeInteger(code)) throw bad('exit code');
  return { code: code as number, stdout: output(member(value, 'out-data')), stderr: output(member(value, 'err-data')) };
}

export function parseInterfaces(value: unknown): GuestInterface[] {
  if (!Array.isArray(value) || value.length > maxInterfaces) throw bad('list of interfaces');
  return value.map((entry: unknown) => {
    const name = member(entry, 'name');
    const mac = member(entry, 'hardware-address');
    const addresses = member(entry, 'ip-addresses') ?? [];
    if (typeof name !== 'string' || name.length > 64 || !Array.isArray(addresses) || addresses.length > maxAddresses)
      throw bad('interface');
    return {
      name,
      ...(typeof mac === 'string' && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac) ? { mac: mac.toLowerCase() } : {}),
      addresses: addresses.map((address: unknown) => {
        const text = member(address, 'ip-address');
        if (typeof text !== 'string' || !/^[0-9a-fA-F:.]{1,45}$/.test(text)) throw bad('address');
        return text;
      }),
    };
  });
}

export function parseCpus(value: unknown): { id: number; online: boolean }[] {
  if (!Array.isArray(value) || value.length > maxCpus) throw bad('list of processors');
  return value.map((entry: unknown) => {
    const id = member(entry, 'logical-id');
    const online = member(entry, 'online');
    if (!Number.isSafeInteger(id) || typeof online !== 'boolean') throw bad('processor');
    return { id: id as number, online };
  });
}

export function parseFileHandle(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw bad('file handle');
  return value as number;
}

/** At most `count` bytes. */
export function parseFilePiece(value: unknown, count: number): { bytes: Buffer; isEnd: boolean } {
  const text = member(value, 'buf-b64');
  const isEnd = member(value, 'eof');
  if (typeof text !== 'string' || typeof isEnd !== 'boolean') throw bad('piece of a file');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length > count) throw bad('piece of a file');
  return { bytes, isEnd };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function output(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value !== 'string') throw bad('output');
  return Buffer.from(value, 'base64').toString('utf8');
}

function bad(what: string): CaissonError {
  return new CaissonError('unavailable', `the guest agent answered with a malformed ${what}`);
}
