// The schemas read their input without making code of themselves, which the page’s content security policy does not allow. Imported before any
// schema is made.
import { config } from 'zod';

config({ jitless: true });
