import { auditLogContract } from '../../../test/contract/audit-log.contract.ts';
import { MemoryAuditLog } from './memory-audit-log.ts';

auditLogContract('memory', async () => new MemoryAuditLog());
