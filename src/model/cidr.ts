// How address ranges are written in the site file and in the API.
import { z } from 'zod';
import { formatCidr, parseCidr, surroundingCidr } from './address.ts';
import { expects } from './expected.ts';
import { quote } from './quote.ts';

export const cidrSchema = z
  .string(expects('an address range, for example 10.20.0.0/16,'))
  .transform((text, context) => {
    const cidr = parseCidr(text);
    if (cidr) return formatCidr(cidr);
    const around = surroundingCidr(text);
    const hint = around
      ? `has bits set after its prefix; did you mean “${formatCidr(around)}”?`
      : 'is not an address range: expected is for example 10.20.0.0/16';
    context.addIssue({ code: 'custom', message: `${quote(text)} ${hint}` });
    return z.NEVER;
  })
  .meta({ examples: ['10.20.0.0/16', '2001:db8:1::/64'] });
