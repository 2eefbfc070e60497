/**
 * `node play.ts v1|v2 ENDPOINT` or `node play.ts modern ENDPOINT CONTROL_ORIGIN` plays one session of a TypeScript SDK against
 * ENDPOINT, the JSON of endpoint.ts; exits with 1 when a step failed.
 */
import type { Endpoint } from './endpoint.ts';

const [session, endpointJson = '', control = ''] = process.argv.slice(2);
const endpoint = JSON.parse(endpointJson) as Endpoint;
if (session === 'v1') await (await import('./client-v1.ts')).playV1Session(endpoint);
else if (session === 'v2') await (await import('./client-v2.ts')).playV2Session(endpoint);
else if (session === 'modern') await (await import('./client-modern.ts')).playModernSession(endpoint, control);
else throw new Error('Usage: play.ts v1|v2|modern ENDPOINT [CONTROL_ORIGIN]');
