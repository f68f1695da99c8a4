// Unix user ids: the range of the data directory is its own, on the whole machine, and every guest has one of it. Pure.
import { reservedIds } from '../../helper/user-id-range.ts';
import type { GuestRecord } from '../../model/guest-status.ts';
import { bad, type Finding } from './finding.ts';
import type { Machine } from './machine.ts';

export function checkUserIds(machine: Machine, guests: readonly GuestRecord[]): Finding[] {
  const { dataDirectory, host, ranges, users } = machine;
  const { userIdBase: base, userIdCount: count } = host;
  const isIn = (id: number) => id >= base && id < base + count;
  const found: Finding[] = [];
  const holder = ranges.find((range) => range.base === base)?.holder;
  if (holder !== dataDirectory)
    found.push(
      bad(
        'user-ids',
        `the user ids ${base} … ${base + count - 1} of ${dataDirectory} are claimed by ${holder ?? 'nobody'}`,
        holder === undefined
          ? 'start the daemon, which claims them again'
          : `find out whose they are: /var/lib/caisson-uid-ranges/${base}; a copied data directory needs a range of its own`,
      ),
    );
  for (const range of ranges) {
    if (range.base !== base && range.base < base + count && range.base + count > base)
      found.push(
        bad('user-ids', `the range of ${range.holder} (${range.base} and on) overlaps that of ${dataDirectory}`, 'one of them has to move'),
      );
  }
  for (const { name, id } of users.filter((user) => isIn(user.id)))
    found.push(
      bad('user-ids', `the user ${name} has the id ${id}, which belongs to the guests of ${dataDirectory}`, 'give that user another id'),
    );
  for (const { name, userId } of guests) {
    if (userId < base || userId >= base + count - reservedIds)
      found.push(
        bad(
          'user-ids',
          `guest ${name} has the user id ${userId}, outside of ${base} … ${base + count - reservedIds - 1}`,
          'restore the host.json that belongs to this store',
        ),
      );
  }
  return found;
}
