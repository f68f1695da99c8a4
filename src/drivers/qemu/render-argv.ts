// A machine → QEMU's arguments. Pure, and true for QEMU 7.2 to 10.0 alike.
//
// Everything that holds a path is JSON where QEMU takes JSON; -machine, -accel, -chardev, -vnc and -netdev-like option lists
// hold only what is checked or escaped here. So no text of a user can add an option. The guest's name is not used at all.
import { CaissonError } from '../../lib/errors.ts';
import { uidPattern } from '../../lib/ids.ts';
import type { Machine, MachineDisk, MachineNic } from '../../model/machine.ts';
import { uefiCodePath } from './firmware.ts';
import { address, isSlot, rootPortId, rootPorts, seedSlot } from './hardware-layout.ts';

export const qemuProgram = '/usr/bin/qemu-system-x86_64';

/**
 * TCG keeps translated code up to this size; without a bound it takes a gigabyte. Booting Debian took 24 s of processor time
 * with 64, 18 s with 96, 19 s with 128 and 18 s with 256, and each MiB is the host's.
 */
export const tcgCacheMib = 96;

/** Set before a guest can say anything: no new files by old calls, no privileges, no programs, no scheduling changes. */
const sandbox = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';

/** Controllers of a PC that nothing here uses; each less is less to attack and faster to boot. */
const withoutLegacy = 'vmport=off,smbus=off,sata=off,i8042=off,hpet=off,usb=off';

/** A guest's memory is its own: no page is shared with another's because it holds the same (KSM), none ends in a core file. */
const ownMemory = 'mem-merge=off,dump-guest-core=off';

/** A Unix socket's path ends here. */
const maxSocketPath = 107;

export const socketNames = ['qmp', 'monitor', 'agent', 'console', 'vnc'] as const;
export type SocketName = (typeof socketNames)[number];

export function socketPath(machine: Pick<Machine, 'socketFolder'>, name: SocketName): string {
  return `${machine.socketFolder}/${name}.sock`;
}

/** QEMU's program and arguments. Throws `invalid` for a machine that cannot be told safely. */
export function renderArgv(machine: Machine): string[] {
  checkMachine(machine);
  const slots = [...machine.disks.filter((disk) => disk.bus === 'virtio'), ...machine.nics].map((device) => device.slot);
  if (machine.seedPath !== undefined) slots.push(seedSlot);
  return [
    qemuProgram,
    '-name',
    `guest=${machine.uid},debug-threads=on`,
    '-no-user-config',
    '-nodefaults',
    '-sandbox',
    sandbox,
    '-msg',
    'timestamp=on',
    ...renderPlatform(machine),
    ...renderWatchdog(machine),
    ...renderChannels(machine),
    ...rootPorts(slots).flatMap((port) => [
      '-device',
      json({
        driver: 'pcie-root-port',
        id: port.id,
        bus: 'pcie.0',
        addr: port.address,
        chassis: port.chassis,
        slot: port.chassis,
        // 24 ports of 4 KiB would not fit into the 64 KiB of I/O addresses; nothing modern wants any.
        'io-reserve': 0,
        ...(port.isMultifunction ? { multifunction: true } : {}),
      }),
    ]),
    ...renderFixedDevices(machine),
    ...renderPluggedMemory(machine),
    ...(machine.disks.some((disk) => disk.bus === 'scsi')
      ? ['-device', json({ ...virtio('virtio-scsi-pci', 'scsi0', address.scsi), num_queues: queuesOf(machine) })]
      : []),
    ...machine.disks.flatMap((disk) => ['-blockdev', json(diskNode(disk)), '-device', json(diskDevice(disk, machine))]),
    ...machine.nics.flatMap(renderNic),
    ...renderDisplay(machine),
    ...renderKernel(machine),
  ];
}

/** The files outside of /usr that QEMU opens: those that it writes, and those that it only reads. */
export function filesOf(machine: Machine): { disks: string[]; files: string[] } {
  const { disks, kernel, seedPath, nvramPath, consoleLogPath } = machine;
  const written = [...disks.filter((disk) => !disk.readOnly).map((disk) => disk.path), nvramPath, consoleLogPath];
  const read = [
    ...disks.filter((disk) => disk.readOnly).map((disk) => disk.path),
    ...disks.map((disk) => disk.backingPath),
    seedPath,
    kernel?.image,
    kernel?.initrd,
  ];
  const present = (paths: (string | undefined)[]) => [...new Set(paths.filter((path) => path !== undefined))];
  return { disks: present(written), files: present(read) };
}

/** Processors, memory, clock, firmware, and what happens when the guest ends: it stays, stopped, until we have seen it. */
function renderPlatform(machine: Machine): string[] {
  const flash = machine.firmware === 'uefi' ? ',pflash0=firmware,pflash1=nvram' : '';
  const plug = machine.plugged ? `,maxmem=${machine.memoryMib + machine.plugged.maxMib}M` : '';
  return [
    ...(machine.firmware === 'uefi' ? renderFlash(machine) : []),
    '-machine',
    `${machine.machineType},${withoutLegacy},${ownMemory}${flash}`,
    '-accel',
    machine.accelerator === 'kvm' ? 'kvm' : `tcg,thread=multi,tb-size=${tcgCacheMib}`,
    '-cpu',
    machine.cpuModel,
    '-smp',
    `cpus=${machine.cpus},maxcpus=${machine.maxCpus},sockets=1,dies=1,cores=${machine.maxCpus},threads=1`,
    '-m',
    `size=${machine.memoryMib}M${plug}`,
    '-uuid',
    machine.uuid,
    '-smbios',
    'type=1,manufacturer=Caisson,product=Guest',
    '-rtc',
    'base=utc',
    '-boot',
    'strict=on',
    // Without the first the SHUTDOWN event may be lost; without the second a panicked guest would end unseen.
    '-action',
    'shutdown=pause,panic=pause',
  ];
}

/**
 * q35 has a watchdog in its chipset (Linux: iTCO_wdt, FreeBSD: ichwd), held back by a strap unless told otherwise. A guest that has
 * armed it and then fell silent is stopped, not reset: whether and when it starts again is not QEMU's to decide.
 */
function renderWatchdog({ hardwareVersion }: Machine): string[] {
  return hardwareVersion < 3 ? [] : ['-global', 'driver=ICH9-LPC,property=noreboot,value=off', '-action', 'watchdog=pause'];
}

function renderFlash(machine: Machine): string[] {
  return [
    '-blockdev',
    json({ driver: 'raw', 'node-name': 'firmware', 'read-only': true, file: { driver: 'file', filename: uefiCodePath } }),
    '-blockdev',
    json({ driver: 'raw', 'node-name': 'nvram', file: { driver: 'file', filename: machine.nvramPath, locking: 'on' } }),
  ];
}

/** Two monitors (a second client of one socket would wait silently), the agent, the serial console with its log. */
function renderChannels(machine: Machine): string[] {
  const socket = (name: SocketName) => `socket,id=${name},path=${optionValue(socketPath(machine, name))},server=on,wait=off`;
  return [
    ...(['qmp', 'monitor'] as const).flatMap((name) => ['-chardev', socket(name), '-mon', `chardev=${name},mode=control`]),
    '-chardev',
    socket('agent'),
    '-chardev',
    `${socket('console')},logfile=${optionValue(machine.consoleLogPath)},logappend=on`,
    '-device',
    json({ driver: 'isa-serial', id: 'console0', chardev: 'console', index: 0 }),
  ];
}

function renderFixedDevices(machine: Machine): string[] {
  return [
    '-object',
    json({ 'qom-type': 'rng-builtin', id: 'random' }),
    '-device',
    json({ ...virtio('virtio-rng-pci', 'rng0', address.random), rng: 'random' }),
    '-device',
    json({ ...virtio('virtio-balloon-pci', 'balloon0', address.balloon), 'free-page-reporting': true, ...balloonOnOom(machine) }),
    '-device',
    json({ ...virtio('virtio-serial-pci', 'serial0', address.serialPorts), max_ports: 4 }),
    '-device',
    json({ driver: 'virtserialport', id: 'agent0', bus: 'serial0.0', nr: 1, chardev: 'agent', name: 'org.qemu.guest_agent.0' }),
    '-device',
    json({ driver: 'pvpanic-pci', id: 'panic0', bus: 'pcie.0', addr: address.panic }),
    '-device',
    json({ driver: 'vmgenid', id: 'generation0', guid: machine.generationId }),
    ...(machine.seedPath === undefined
      ? []
      : [
          '-blockdev',
          json({ driver: 'raw', 'node-name': 'seed', 'read-only': true, file: { driver: 'file', filename: machine.seedPath } }),
          '-device',
          json({ ...behindPort('virtio-blk-pci', 'seed0', seedSlot), drive: 'seed', serial: 'seed', 'num-queues': 1 }),
        ]),
  ];
}

/**
 * A guest in want of memory does not take back what it has given: its own system decides what to end, as on a smaller machine. It would
 * meet its control group's limit, and the whole guest would be killed. Hardware of version 1 has it otherwise, and never gives any.
 */
function balloonOnOom(machine: Machine): object {
  return { 'deflate-on-oom': machine.hardwareVersion === 1 };
}

/** Steps in which memory comes and goes, in MiB: a huge page. */
export const plugStepMib = 2;

export const pluggedMemoryId = 'memory0';

function renderPluggedMemory({ plugged }: Machine): string[] {
  if (!plugged) return [];
  const bytes = (mib: number) => mib * 1024 * 1024;
  return [
    '-object',
    // What is not plugged in costs nothing. “reserve: off” would look for the kernel's settings, which a guest's process does not see.
    json({ 'qom-type': 'memory-backend-ram', id: 'plugged', size: bytes(plugged.maxMib) }),
    '-device',
    json({
      ...virtio('virtio-mem-pci', pluggedMemoryId, address.pluggedMemory),
      memdev: 'plugged',
      'block-size': bytes(plugStepMib),
      'requested-size': bytes(plugged.sizeMib),
    }),
  ];
}

/** One for each processor that there may ever be, so that plugging a processor changes no device. */
function queuesOf(machine: Pick<Machine, 'maxCpus'>): number {
  return Math.min(machine.maxCpus, 4);
}

/** Name of a disk's node and id of its device. */
export function diskId(disk: Pick<MachineDisk, 'slot'>): string {
  return `disk${disk.slot}`;
}

export function diskNode(disk: MachineDisk): object {
  const file = (filename: string, locking: 'on' | 'auto') => ({ driver: 'file', filename, locking, aio: 'threads', discard: 'unmap' });
  // What a disk is an overlay of is said here, never taken from the disk's own header.
  const backing = disk.backingPath === undefined ? null : overlaid(disk.backingPath);
  return {
    driver: disk.format,
    'node-name': diskId(disk),
    'read-only': disk.readOnly,
    discard: 'unmap',
    ...(disk.format === 'qcow2' ? { backing } : {}),
    // A lock is what keeps a second writer out: its absence is an error, not a warning.
    file: file(disk.path, disk.readOnly ? 'auto' : 'on'),
  };
}

/** Of `device_add`, as of `-device`. */
export interface DeviceArguments {
  driver: string;
  id: string;
  bus: string;
  [property: string]: unknown;
}

export function diskDevice(disk: MachineDisk, machine: Pick<Machine, 'maxCpus'>): DeviceArguments {
  const id = diskId(disk);
  return {
    ...(disk.bus === 'scsi'
      ? { driver: 'scsi-hd', id, bus: 'scsi0.0', channel: 0, 'scsi-id': 0, lun: disk.slot }
      : behindPort('virtio-blk-pci', id, disk.slot)),
    drive: id,
    serial: disk.serial,
    ...(disk.bus === 'scsi' ? {} : { 'num-queues': queuesOf(machine) }),
    werror: 'stop',
    rerror: 'report',
    ...(disk.name === 'root' ? { bootindex: 1 } : {}),
  };
}

function overlaid(path: string): object {
  return { driver: 'qcow2', 'read-only': true, backing: null, file: { driver: 'file', filename: path, aio: 'threads' } };
}

function renderNic(nic: MachineNic): string[] {
  return ['-netdev', json(nicBackend(nic)), '-device', json(nicDevice(nic))];
}

/** Name of a nic's backend and id of its device. */
export function nicId(nic: Pick<MachineNic, 'slot'>): string {
  return `nic${nic.slot}`;
}

/** No header of offloads: a guest could have a checksum written over what the filter has read (decision 0030). */
export function nicBackend(nic: MachineNic): { type: 'tap'; id: string; ifname: string; [option: string]: unknown } {
  return { type: 'tap', id: nicId(nic), ifname: nic.tap, script: 'no', downscript: 'no', vhost: false, vnet_hdr: false };
}

export function nicDevice(nic: MachineNic): DeviceArguments {
  const id = nicId(nic);
  return { ...behindPort('virtio-net-pci', id, nic.slot), netdev: id, mac: nic.mac, host_mtu: nic.mtu, romfile: '' };
}

function renderDisplay(machine: Machine): string[] {
  if (machine.display === 'none') return ['-display', 'none'];
  return [
    '-display',
    'none',
    '-vnc',
    // Many a viewer asks to be alone, without its user’s knowing: nobody puts another one out.
    `unix:${optionValue(socketPath(machine, 'vnc'))},share=ignore`,
    '-device',
    json({ driver: 'VGA', id: 'video0', bus: 'pcie.0', addr: address.display }),
    '-device',
    json({ driver: 'qemu-xhci', id: 'usb', bus: 'pcie.0', addr: address.usb }),
    '-device',
    json({ driver: 'usb-kbd', id: 'keyboard0', bus: 'usb.0', port: '1' }),
    '-device',
    json({ driver: 'usb-tablet', id: 'tablet0', bus: 'usb.0', port: '2' }),
  ];
}

function renderKernel({ kernel }: Machine): string[] {
  return kernel === undefined ? [] : ['-kernel', kernel.image, '-initrd', kernel.initrd, '-append', kernel.commandLine];
}

function virtio(driver: string, id: string, addr: string): object {
  return { driver, id, bus: 'pcie.0', addr, 'disable-legacy': 'on' };
}

function behindPort(driver: string, id: string, slot: number): DeviceArguments {
  return { driver, id, bus: rootPortId(slot), addr: '0x0', 'disable-legacy': 'on' };
}

function json(value: object): string {
  return JSON.stringify(value);
}

/** A value inside an option list: there a comma ends it, two are one. */
function optionValue(text: string): string {
  return text.replaceAll(',', ',,');
}

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Refuses what would end up in an option list with a meaning of its own, or cannot be. */
function checkMachine(machine: Machine): void {
  const refuse = (what: string, value: unknown): never => {
    throw new CaissonError('invalid', `guest ${machine.uid}: ${what} ${JSON.stringify(value)} cannot be given to QEMU`);
  };
  const matches = (what: string, value: string, pattern: RegExp) => pattern.test(value) || refuse(what, value);
  const within = (what: string, value: number, from: number, to: number) =>
    (Number.isInteger(value) && value >= from && value <= to) || refuse(what, value);
  matches('uid', machine.uid, uidPattern);
  matches('machine type', machine.machineType, /^pc-q35-\d+\.\d+$/);
  matches('processor model', machine.cpuModel, /^[A-Za-z0-9][A-Za-z0-9._-]*(,vendor=AuthenticAMD)?$/);
  matches('uuid', machine.uuid, uuidPattern);
  matches('generation id', machine.generationId, uuidPattern);
  within('number of processors', machine.cpus, 1, machine.maxCpus);
  within('greatest number of processors', machine.maxCpus, 1, 255);
  within('memory', machine.memoryMib, 1, 2 ** 24);
  if (machine.plugged) {
    const { sizeMib, maxMib } = machine.plugged;
    within('greatest plugged memory', maxMib, plugStepMib, 2 ** 24);
    within('plugged memory', sizeMib, 0, maxMib);
    if (sizeMib % plugStepMib !== 0 || maxMib % plugStepMib !== 0) refuse('plugged memory', sizeMib);
    if (machine.hardwareVersion < 2) refuse('hardware version', machine.hardwareVersion);
  }
  if (machine.firmware === 'uefi' && machine.nvramPath === undefined) refuse('path of UEFI variables', machine.nvramPath);
  for (const name of socketNames) {
    const path = socketPath(machine, name);
    if (Buffer.byteLength(path) > maxSocketPath) refuse('socket path', path);
  }
  for (const disk of machine.disks) matches('disk serial', disk.serial, /^[\x21-\x7e]{1,20}$/);
  for (const nic of machine.nics) {
    matches('address', nic.mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    matches('tap', nic.tap, /^[a-z0-9]{1,15}$/);
    within('packet size', nic.mtu, 68, 65_535);
  }
  const slots = [...machine.disks, ...machine.nics].map((device) => device.slot);
  for (const [index, slot] of slots.entries()) if (!isSlot(slot) || slots.indexOf(slot) !== index) refuse('slot', slot);
}
