import { testHistory } from '../../../test/contract/history.contract.ts';
import { MemoryHistory } from './memory-history.ts';

testHistory('memory', async () => new MemoryHistory());
