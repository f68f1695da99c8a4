// The host is examined from its own network, which the daemon in the guests' network does not see: the helper runs the doctor there.
import { z } from 'zod';
import { CaissonError } from '../../lib/errors.ts';
import { hostCheckSchema } from '../../model/host-check.ts';
import type { HostDoctor } from '../host-doctor.ts';
import type { HelperCaller } from './helper-client.ts';

const saidSchema = z.object({ items: z.array(hostCheckSchema) });

export function helperDoctor(helper: HelperCaller): HostDoctor {
  return {
    async examine(signal) {
      const { said } = await helper.call('hostExamine', {}, { signal });
      const parsed = saidSchema.safeParse(said);
      if (!parsed.success) throw new CaissonError('failed', 'the doctor said something that is not its result', { cause: parsed.error });
      return parsed.data.items;
    },
  };
}
