// What a legacy client said of itself when it shook hands, and what of it a server of self-describing requests is told with every
// request: never more than the client declared, and less where its revision has no words for what such a server would ask.
import { removeMember, TOOLS_IN_SAMPLING_SINCE, valueAt } from '#base/protocol';
import { TASKS_EXTENSION } from '../tasks/task-forms.ts';
import { GATEWAY_INFO } from '../../gateway-info.ts';

export interface ClientWords {
  /** The legacy revision agreed on. */
  readonly version: string;
  /** JSON object. */
  readonly clientInfo: string;
  /** What the upstream is told that the client can be asked; JSON object. */
  readonly capabilities: string;
}

/** Of a client that has not said who it is, and holds no session in which it could be asked. */
export const UNKNOWN_CLIENT: ClientWords = { version: '2025-11-25', clientInfo: GATEWAY_INFO, capabilities: '{}' };

/** @param initialize the client's request as latin1 */
export function wordsOf(initialize: string, version: string): ClientWords {
  return {
    version,
    clientInfo: objectAt(initialize, ['params', 'clientInfo']) ?? GATEWAY_INFO,
    capabilities: declared(objectAt(initialize, ['params', 'capabilities']) ?? '{}', version),
  };
}

function declared(capabilities: string, version: string): string {
  // Tasks of 2025-11-25 mean something else than those of the extension, and what nobody declares nobody promises.
  let told = removeMember(capabilities, ['tasks']);
  told = removeMember(told, ['extensions', TASKS_EXTENSION]);
  if (version >= TOOLS_IN_SAMPLING_SINCE) return told;
  told = removeMember(told, ['sampling', 'tools']);
  if (valueAt(told, ['elicitation', 'url']) === undefined) return told;
  // Without a mode it would mean forms.
  const path = valueAt(told, ['elicitation', 'form']) === undefined ? ['elicitation'] : ['elicitation', 'url'];
  return removeMember(told, path);
}

function objectAt(text: string, path: readonly string[]): string | undefined {
  const value = valueAt(text, path);
  return value?.startsWith('{') === true ? value : undefined;
}
