// The guests' processes as the root helper starts them.
import type { HelperArgs, HelperEvent, HelperValue, HelperVerb } from '../../model/helper-protocol.ts';
import type { GuestProcesses } from './guest-processes.ts';

/** The part of the helper's client that is used here. */
export interface Helper {
  call<V extends HelperVerb>(verb: V, args: HelperArgs<V>): Promise<HelperValue<V>>;
  onEvent(listener: (event: HelperEvent) => void): () => void;
}

export function helperProcesses(helper: Helper): GuestProcesses {
  return {
    start: (start) => helper.call('guestStart', start),
    async kill({ uid, pid, startTime }, signal) {
      await helper.call('guestKill', { uid, pid, startTime, signal });
    },
    async limit(change) {
      await helper.call('guestLimit', change);
    },
    async giveFile(file) {
      await helper.call('guestGiveFile', file);
    },
    async takeFile(file) {
      await helper.call('guestTakeFile', file);
    },
    async giveTap(tap) {
      await helper.call('guestGiveTap', tap);
    },
    async takeTap(tap) {
      await helper.call('guestTakeTap', tap);
    },
    async usage(of) {
      return (await helper.call('guestUsage', of)).usage;
    },
    async list() {
      return (await helper.call('guestProcesses', {})).processes;
    },
    isolation: () => helper.call('guestIsolation', {}),
    async forget(uid) {
      await helper.call('guestForget', { uid });
    },
    onExit: (listener) =>
      helper.onEvent((event) => {
        if (event.event === 'guest-exited') listener(event);
      }),
  };
}
