// A job: work with an end. What it does is in the engine; this is what a watcher sees of it.
import { z } from 'zod';
import { errorCodes, type ErrorCode } from '../lib/errors.ts';
import { uidPattern } from '../lib/ids.ts';

export const jobKinds = [
  'site-apply',
  'site-destroy',
  'guest-start',
  'guest-shutdown',
  'guest-stop',
  'guest-reboot',
  'guest-pause',
  'guest-resume',
  'guest-delete',
  'guest-rename',
  'guest-set',
  'image-build',
  'image-import',
  'image-delete',
  'zone-check',
  'host-shutdown',
  'host-examine',
] as const;
export const jobKindSchema = z.enum(jobKinds);
export type JobKind = z.infer<typeof jobKindSchema>;

export const jobStateSchema = z.enum(['running', 'succeeded', 'failed', 'cancelled']);
export type JobState = z.infer<typeof jobStateSchema>;

/** `undone`: was done, and taken back because the job failed or was cancelled. `skipped`: was done before, by an earlier run. */
export const stepStateSchema = z.enum(['pending', 'running', 'done', 'failed', 'undone', 'skipped']);
export type StepState = z.infer<typeof stepStateSchema>;

export const jobErrorSchema = z.strictObject({
  code: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
});
export type JobError = z.infer<typeof jobErrorSchema>;

export const jobStepSchema = z.strictObject({
  name: z.string(),
  state: stepStateSchema,
  message: z.string().optional(),
  /** 0 … 1. */
  fraction: z.number().min(0).max(1).optional(),
  /** Position of the step that this one is a part of. */
  parent: z.int().min(0).optional(),
  startedAt: z.iso.datetime().optional(),
  endedAt: z.iso.datetime().optional(),
});
export type JobStep = z.infer<typeof jobStepSchema>;

export const jobSchema = z.strictObject({
  uid: z.string().regex(uidPattern),
  kind: jobKindSchema,
  /** For people: `Start guest web`. */
  title: z.string(),
  state: jobStateSchema,
  steps: z.array(jobStepSchema),
  /** 0 … 1 of the whole job, where it is known. */
  fraction: z.number().min(0).max(1).optional(),
  message: z.string().optional(),
  error: jobErrorSchema.optional(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  /** Who asked: an actor (`actor.ts`). */
  actor: z.string(),
  /** Store keys of what the job is about: `guest/gk3m9x4q2ab`. */
  objects: z.array(z.string()),
  /** Plain JSON that depends on the kind. */
  result: z.unknown().optional(),
});
export type Job = z.infer<typeof jobSchema>;

/** How a job ended. */
export type JobEnd = Pick<Job, 'error' | 'result'> & { state: Exclude<JobState, 'running'>; endedAt: string };
