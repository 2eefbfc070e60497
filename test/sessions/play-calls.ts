/**
 * `node play-calls.ts JOB` connects the TypeScript SDK v1 to an endpoint, calls tools one after the other and prints as JSON what the
 * server said of itself, its tools and the outcome of each call. A process of its own, because the SDK's transports do not bear the
 * module conditions the tests run under.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { transportTo } from './client-v1.ts';
import type { CallJob } from './call-tools.ts';

async function run({ endpoint, calls }: CallJob): Promise<unknown[]> {
  const client = new Client({ name: 'call-tools', version: '1' });
  await client.connect(transportTo(endpoint));
  const seen: unknown[] = [client.getServerVersion(), client.getServerCapabilities(), client.getInstructions() ?? null];
  seen.push(await client.request({ method: 'tools/list', params: {} }, ResultSchema));
  for (const [name, args] of calls) {
    const call = client.request({ method: 'tools/call', params: { name, arguments: args } }, ResultSchema);
    seen.push(await call.catch((error: unknown) => ({ refused: String(error) })));
  }
  await client.close();
  return seen;
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2] ?? '{}') as CallJob)));
