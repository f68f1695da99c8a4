// Every first word of the command line. Only the one that is used is loaded.
import type { Command } from 'commander';
import type { Io } from './io.ts';

/** Adds the verbs and options of one first word to its command. */
export type AddNoun = (command: Command, io: Io) => void;

export interface Noun {
  name: string;
  description: string;
  /** `first`: what one begins with. */
  group: 'first' | 'noun' | 'tool';
  load: () => Promise<AddNoun>;
}

export const nouns: readonly Noun[] = [
  {
    name: 'doctor',
    description: 'can this machine run guests? What is missing, and how to mend it',
    group: 'first',
    load: async () => (await import('./commands/doctor.ts')).addDoctor,
  },
  {
    name: 'daemon',
    description: 'run this host’s daemon (as root)',
    group: 'first',
    load: async () => (await import('./commands/daemon.ts')).addDaemon,
  },
  {
    name: 'apply',
    description: 'show what a site file changes, make it so, and wait until every service answers',
    group: 'first',
    load: async () => (await import('./commands/apply.ts')).addApply,
  },
  {
    name: 'site',
    description: 'the site as a whole',
    group: 'noun',
    load: async () => (await import('./commands/site.ts')).addSite,
  },
  {
    name: 'guest',
    description: 'virtual machines',
    group: 'noun',
    load: async () => (await import('./commands/guest.ts')).addGuest,
  },
  {
    name: 'zone',
    description: 'zones, and the proof that they hold',
    group: 'noun',
    load: async () => (await import('./commands/zone.ts')).addZone,
  },
  {
    name: 'image',
    description: 'what guests’ first disks are made from',
    group: 'noun',
    load: async () => (await import('./commands/image.ts')).addImage,
  },
  {
    name: 'job',
    description: 'work with an end: what runs, and how it went',
    group: 'noun',
    load: async () => (await import('./commands/job.ts')).addJob,
  },
  {
    name: 'event',
    description: 'what happened',
    group: 'noun',
    load: async () => (await import('./commands/event.ts')).addEvent,
  },
  {
    name: 'host',
    description: 'this host',
    group: 'noun',
    load: async () => (await import('./commands/host.ts')).addHost,
  },
  {
    name: 'completion',
    description: 'completion of commands and names for your shell',
    group: 'tool',
    load: async () => (await import('./commands/completion.ts')).addCompletion,
  },
];
