// What a message is about, as records and spans may say it: enough to know it again, and nothing that opens a door to whoever
// reads it later.
import type { Envelope } from '#base/protocol';

const TASK_ID_SHOWN = 8;

/** Tool or prompt by name, resource by URI, task by the beginning of its id; '' for anything else. */
export function targetOf({ name, uri, taskId }: Pick<Envelope, 'name' | 'uri' | 'taskId'>): string {
  if (name !== undefined) return name;
  if (uri !== undefined) return plainTarget(uri);
  if (taskId === undefined) return '';
  // Whoever has the whole id may have the result.
  return taskId.length > TASK_ID_SHOWN ? `${taskId.slice(0, TASK_ID_SHOWN)}…` : taskId;
}

/** A URI without user name, password, query and fragment, where people put keys; a `?…` shows that there was more. */
export function plainTarget(uri: string): string {
  const cut = uri.search(/[?#]/);
  const plain = (cut < 0 ? uri : uri.slice(0, cut)).replace(/^([^/]*:\/\/)[^/]*@/, '$1');
  return cut < 0 ? plain : `${plain}${uri.charAt(cut)}…`;
}
