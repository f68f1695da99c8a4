// What a demo notes about itself, so that the next one can find it after a kill.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readProcess } from '../../src/helper/process-stat.ts';
import { demo } from './place.ts';

export interface ProcessName {
  pid: number;
  /** Field 22 of /proc/PID/stat: with the pid it names one process for ever (until the next boot). */
  startTime: number;
}

export interface DemoState {
  starter: ProcessName;
  helper?: ProcessName;
}

export function readDemoState(): DemoState | undefined {
  try {
    return JSON.parse(readFileSync(demo.stateFile, 'utf8')) as DemoState;
  } catch {
    return undefined; // none, or half written by a killed one: then its processes are found by their data directory
  }
}

export function writeDemoState(state: DemoState): void {
  writeFileSync(demo.stateFile, JSON.stringify(state));
}

export function forgetDemoState(): void {
  rmSync(demo.stateFile, { force: true });
}

export function processName(pid: number): ProcessName | undefined {
  const found = readProcess(pid);
  return found && { pid, startTime: found.startTime };
}

/** Whether that very process still runs. */
export function isAlive(name: ProcessName | undefined): boolean {
  return name !== undefined && processName(name.pid)?.startTime === name.startTime;
}
