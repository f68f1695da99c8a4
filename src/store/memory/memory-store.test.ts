import { storeContract } from '../../../test/contract/store.contract.ts';
import { MemoryStore } from './memory-store.ts';

storeContract('memory', async (options) => new MemoryStore(options));
