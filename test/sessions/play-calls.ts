/**
 * `node play-calls.ts JOB` connects the TypeScript SDK v1 to an endpoint, calls tools one after the other and prints as JSON what the
 * server said of itself, its tools and the outcome of each call, and for a client that may be asked also what it was asked and told. A process of its own, because the SDK's transports do not bear the
 * module conditions the tests run under.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { transportTo } from './client-v1.ts';
import type { CallJob } from './call-tools.ts';
import { createScriptedAnswers } from './scripted-answers.ts';

async function run({ endpoint, calls, isAskable = false }: CallJob): Promise<unknown[]> {
  const asked: unknown[] = [];
  const told: Record<string, unknown> = {};
  const client = new Client(
    { name: 'call-tools', version: '1' },
    isAskable ? { capabilities: { roots: {}, sampling: {}, elicitation: { form: {}, url: {} } } } : {},
  );
  if (isAskable) {
    const answers = createScriptedAnswers();
    const note = <T>(request: { method: string; params?: unknown }, answer: T): T => {
      asked.push({ method: request.method, params: request.params });
      return answer;
    };
    client.setRequestHandler(ListRootsRequestSchema, (request) => note(request, answers.roots()));
    client.setRequestHandler(CreateMessageRequestSchema, (request) => note(request, answers.sample(request.params)));
    client.setRequestHandler(ElicitRequestSchema, (request) =>
      note(request, { action: 'accept', content: { name: 'Ada', username: 'ada', confirm: true } }),
    );
  }
  client.fallbackNotificationHandler = async ({ method, params }) => void (told[method] = [...((told[method] as unknown[]) ?? []), params ?? null]);
  await client.connect(transportTo(endpoint));
  const seen: unknown[] = [client.getServerVersion(), client.getServerCapabilities(), client.getInstructions() ?? null];
  seen.push(await client.request({ method: 'tools/list', params: {} }, ResultSchema));
  for (const [name, args] of calls) {
    const progress: unknown[] = [];
    const options = isAskable ? { onprogress: (step: unknown) => void progress.push(step) } : {};
    const call = client.request({ method: 'tools/call', params: { name, arguments: args } }, ResultSchema, options);
    seen.push(await call.catch((error: unknown) => ({ refused: String(error) })));
    if (isAskable) seen.push({ name, progress, asked: asked.splice(0) });
  }
  if (isAskable) {
    for (const method of ['prompts/list', 'resources/list', 'resources/templates/list']) {
      seen.push(await client.request({ method, params: {} }, ResultSchema));
    }
    seen.push(told);
  }
  await client.close();
  return seen;
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2] ?? '{}') as CallJob)));
