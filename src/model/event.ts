// An event: something that happened, told once. Events are history; nothing is ever decided from them.
import { z } from 'zod';

export const eventKinds = [
  'daemon-started',
  'daemon-ended',
  'host-memory-low',
  'host-disk-low',
  'host-shutdown',
  'site-changed',
  'site-applied',
  'network-applied',
  'network-failed',
  'zone-checked',
  'image-built',
  'image-imported',
  'image-deleted',
  'guest-created',
  'guest-changed',
  'guest-renamed',
  'guest-deleted',
  'guest-started',
  'guest-adopted',
  'guest-ready',
  'guest-not-ready',
  'guest-shut-down',
  'guest-stopped',
  'guest-crashed',
  'guest-rebooted',
  'guest-paused',
  'guest-resumed',
  'guest-halted',
  'guest-watchdog',
  'guest-restarting',
  'guest-given-up',
  'guest-panicked',
  'guest-unresponsive',
  'guest-start-failed',
  'user-signed-in',
  'sign-in-refused',
  'user-created',
  'user-changed',
  'user-deleted',
  'token-created',
  'token-deleted',
  'identity-provider-changed',
  'job-started',
  'job-succeeded',
  'job-failed',
  'job-cancelled',
] as const;
export const eventKindSchema = z.enum(eventKinds);
export type EventKind = z.infer<typeof eventKindSchema>;

export const eventSeveritySchema = z.enum(['info', 'warning', 'error']);
export type EventSeverity = z.infer<typeof eventSeveritySchema>;

export const eventSchema = z.strictObject({
  /** Grows with each event of this host; never given twice. */
  id: z.int().positive(),
  time: z.iso.datetime(),
  kind: eventKindSchema,
  severity: eventSeveritySchema,
  /** For people, complete in itself, without a secret. */
  message: z.string(),
  /** Store key of what it is about: `guest/gk3m9x4q2ab`. */
  object: z.string().optional(),
  /** Who caused it, as in a job; absent when it happened by itself. */
  actor: z.string().optional(),
  /** Uid of the job that it is a part of. */
  job: z.string().optional(),
});
export type Event = z.infer<typeof eventSchema>;
