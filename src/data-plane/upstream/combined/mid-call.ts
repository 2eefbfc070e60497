// A tool that an upstream lists only to clients which can be asked will ask: to a client of the other era, to which its questions cannot
// be brought yet, the call is refused before it is made (checklist 46).
import type { Envelope } from '#base/protocol';
import type { ServerEntry } from '#data-plane/gateway';
import { indexOf } from './combined-index.ts';
import { midCall } from '../bridge/envelope.ts';

/** Throws AppError `bridge.mid_call`. */
export function refuseAskingTool(server: ServerEntry, message: Envelope): void {
  if (message.method !== 'tools/call') return;
  const item = indexOf(server).tools.get(message.name ?? '');
  if (item?.row.needs.some((need) => need !== 'tasks') === true) throw midCall();
}
