// The virtual hardware of one guest as the hypervisor is told it. It is a promise: made once when the guest is created,
// stored, kept for the guest's life, changed only when asked. Nothing here depends on the state of the host.

import type { DiskBus } from './guest.ts';

export interface MachineDisk {
  /** `root`, or the name in the site file. */
  name: string;
  /** Absolute path of the qcow2 file. */
  path: string;
  format: 'qcow2' | 'raw';
  /** Image that the file is an overlay of, opened read-only; absent for a disk that stands alone. */
  backingPath?: string;
  /** Serial number that the guest sees, at most 20 characters. */
  serial: string;
  bus: DiskBus;
  readOnly: boolean;
  /**
   * PCIe root port (0 … 23) that the disk sits behind, or its unit on the SCSI controller; no other disk or nic has the same number. Ports
   * come in blocks of eight: 0 … 7 are always there, 8 … 15 and 16 … 23 when a disk or nic sits in one of them. A block costs 0.2 s of
   * boot under emulation.
   */
  slot: number;
}

export interface MachineNic {
  /** Lower case, colons. */
  mac: string;
  /** Name of the tap, made by the helper before QEMU starts. */
  tap: string;
  mtu: number;
  slot: number;
}

export interface Machine {
  /** Immutable identifier of the guest. */
  uid: string;
  /** Shown by QEMU in its process title; may change between starts. */
  name: string;
  /** Which places and features its hardware has; 1 for guests made before there were versions. */
  hardwareVersion: number;
  /** Pinned, e.g. `pc-q35-7.2`. */
  machineType: string;
  /** Pinned, e.g. `Cascadelake-Server-noTSX` or `Nehalem,vendor=AuthenticAMD`; `host` only where asked for. */
  cpuModel: string;
  accelerator: 'kvm' | 'tcg';
  cpus: number;
  /** Processor slots that the guest may grow to. */
  maxCpus: number;
  /** On its board: there from the first instruction on. */
  memoryMib: number;
  /**
   * Memory that comes and goes in steps of 2 MiB while the guest runs; absent for none. Not free: a Linux guest that has any takes memory
   * above 4 GiB for possible and sets up to 64 MiB aside for bounce buffers.
   */
  plugged?: { sizeMib: number; maxMib: number };
  firmware: 'bios' | 'uefi';
  /** SMBIOS uuid. */
  uuid: string;
  /** VM generation id: changes when the guest is a copy of itself (restore, clone). */
  generationId: string;
  display: 'none' | 'vga';
  disks: MachineDisk[];
  nics: MachineNic[];
  /** NoCloud seed, an ISO 9660 image labelled `cidata`. */
  seedPath?: string;
  /** UEFI variables, a file of the guest's own. */
  nvramPath?: string;
  /** Folder of the sockets qmp, monitor, agent, console, vnc (`NAME.sock`). */
  socketFolder: string;
  /** The serial console's log. */
  consoleLogPath: string;
  /** Tests only: boot this kernel directly instead of a disk. */
  kernel?: { image: string; initrd: string; commandLine: string };
}
