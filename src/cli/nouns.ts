// Every first word of the command line.
import type { Command } from 'commander';
import { addApply } from './commands/apply.ts';
import { addAudit } from './commands/audit.ts';
import { addCompletion } from './commands/completion.ts';
import { addContext } from './commands/context.ts';
import { addDaemon } from './commands/daemon.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEvent } from './commands/event.ts';
import { addFlow } from './commands/flow.ts';
import { addGuest } from './commands/guest.ts';
import { addHost } from './commands/host.ts';
import { addImage } from './commands/image.ts';
import { addJob } from './commands/job.ts';
import { addLog } from './commands/log.ts';
import { addLogin, addLogout } from './commands/login.ts';
import { addOidc } from './commands/oidc.ts';
import { addRole } from './commands/role.ts';
import { addSite } from './commands/site.ts';
import { addToken } from './commands/token.ts';
import { addUser } from './commands/user.ts';
import { addUi } from './commands/ui.ts';
import { addVerify } from './commands/verify.ts';
import { addTop } from './commands/top.ts';
import { addZone } from './commands/zone.ts';
import type { Io } from './io.ts';

export interface Noun {
  name: string;
  description: string;
  /** `first`: what one begins with. */
  group: 'first' | 'noun' | 'tool';
  /** Adds its verbs and options to its command. */
  add: (command: Command, io: Io) => void;
}

export const nouns: readonly Noun[] = [
  {
    name: 'doctor',
    description: 'can this machine run guests? What is missing, and how to mend it',
    group: 'first',
    add: addDoctor,
  },
  {
    name: 'daemon',
    description: 'run this host’s daemon (as root)',
    group: 'first',
    add: addDaemon,
  },
  {
    name: 'apply',
    description: 'show what a site file changes, make it so, and wait until every service answers',
    group: 'first',
    add: addApply,
  },
  {
    name: 'site',
    description: 'the site as a whole',
    group: 'noun',
    add: addSite,
  },
  {
    name: 'guest',
    description: 'virtual machines',
    group: 'noun',
    add: addGuest,
  },
  {
    name: 'zone',
    description: 'zones, and the proof that they hold',
    group: 'noun',
    add: addZone,
  },
  {
    name: 'flow',
    description: 'allowed traffic: what is listed, what decides, who can reach whom',
    group: 'noun',
    add: addFlow,
  },
  {
    name: 'image',
    description: 'what guests’ first disks are made from',
    group: 'noun',
    add: addImage,
  },
  {
    name: 'job',
    description: 'work with an end: what runs, and how it went',
    group: 'noun',
    add: addJob,
  },
  {
    name: 'event',
    description: 'what happened',
    group: 'noun',
    add: addEvent,
  },
  {
    name: 'log',
    description: 'the audit log: who did what from where, and the proof that nothing of it was changed',
    group: 'noun',
    add: addLog,
  },
  {
    name: 'user',
    description: 'who may sign in',
    group: 'noun',
    add: addUser,
  },
  {
    name: 'role',
    description: 'what users may, and on what',
    group: 'noun',
    add: addRole,
  },
  {
    name: 'oidc',
    description: 'the provider of identities by whom people may sign in too (OpenID Connect)',
    group: 'noun',
    add: addOidc,
  },
  {
    name: 'token',
    description: 'API tokens, for programs',
    group: 'noun',
    add: addToken,
  },
  {
    name: 'context',
    description: 'the sites that you have signed in to',
    group: 'noun',
    add: addContext,
  },
  {
    name: 'host',
    description: 'this host',
    group: 'noun',
    add: addHost,
  },
  {
    name: 'login',
    description: 'sign in to a site from here: its name is then a context',
    group: 'tool',
    add: addLogin,
  },
  {
    name: 'logout',
    description: 'sign out',
    group: 'tool',
    add: addLogout,
  },
  {
    name: 'audit',
    description: 'the five security rules of this site: what is known, whether they hold, what to do',
    group: 'tool',
    add: addAudit,
  },
  {
    name: 'verify',
    description: 'is everything here somebody’s, once, and as the store says? What to do where it is not',
    group: 'tool',
    add: addVerify,
  },
  {
    name: 'top',
    description: 'what guests use, anew every two seconds: processors, memory, disks, network',
    group: 'tool',
    add: addTop,
  },
  {
    name: 'ui',
    description: 'open the page in a browser; on the host itself, signed in',
    group: 'tool',
    add: addUi,
  },
  {
    name: 'completion',
    description: 'completion of commands and names for your shell',
    group: 'tool',
    add: addCompletion,
  },
];
