// A legacy client at an upstream that knows only requests which describe themselves.
import { LegacyClients } from '../../../src/data-plane/upstream/bridge/legacy-client/legacy-clients.ts';
import type { BridgeParts } from '../../../src/data-plane/upstream/bridge/bridge-parts.ts';
import type { ItemRow, UpstreamRow } from '../../../src/data-plane/gateway/index.ts';
import { bridgeRig, PlayedClient, settled, type BridgeRig, type Message } from '../bridge-rig.ts';

export interface LegacyRig extends BridgeRig {
  readonly clients: LegacyClients;
  readonly client: () => PlayedClient;
  /** A client that has shaken hands. */
  readonly opened: (capabilities?: object, version?: string) => Promise<PlayedClient>;
}

export const DISCOVERED = {
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: { listChanged: true }, resources: { subscribe: true } },
  instructions: 'be kind',
  ttlMs: 1000,
  cacheScope: 'public',
  _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'played', version: '7' } },
};

export function initializing(capabilities: object, version: string): Message {
  return { id: 0, method: 'initialize', params: { protocolVersion: version, capabilities, clientInfo: { name: 'c', version: '1' } } };
}

export function legacyRig(row: Partial<UpstreamRow> = {}, items: readonly ItemRow[] = [], more: Partial<BridgeParts> = {}): LegacyRig {
  const rig = bridgeRig({ legacy: false, modern: true, ...row }, items, more);
  const clients = new LegacyClients(rig.parts);
  const client = (): PlayedClient => new PlayedClient(clients, rig.row);
  return {
    ...rig,
    clients,
    client,
    async opened(capabilities = { sampling: {}, elicitation: { form: {}, url: {} }, roots: {} }, version = '2025-11-25') {
      const opening = client();
      opening.send(initializing(capabilities, version));
      rig.port.last('server/discover').answer(DISCOVERED);
      await settled();
      return opening;
    },
  };
}

/** A result that asks. */
export function asking(inputRequests: Record<string, Message>, requestState?: string): { resultType: string } {
  return { resultType: 'input_required', inputRequests, ...(requestState === undefined ? {} : { requestState }) } as { resultType: string };
}

export const FORM: Message = { method: 'elicitation/create', params: { message: 'who?', requestedSchema: { type: 'object', properties: {} } } };
export const SAMPLE: Message = { method: 'sampling/createMessage', params: { messages: [], maxTokens: 5 } };
export const ROOTS: Message = { method: 'roots/list' };
