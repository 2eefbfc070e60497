// `node client-process.ts JOB`: a client of a TypeScript SDK, connected, that does what its standard input says (client-words.ts). A
// process of its own, because the SDKs are to be what their packages publish, without the conditions of the test runner.
import { createInterface } from 'node:readline';
import type { ClientAnswer, ClientCall, ClientJob, Refusal } from './client-words.ts';
import { connect2024 } from './connect-2024.ts';
import { connectV1 } from './connect-v1.ts';
import { connectV2 } from './connect-v2.ts';
import { createEars } from './ears.ts';

function refusalOf(error: unknown): Refusal {
  const { message, code, data } = error as { message: string; code?: unknown; data?: unknown };
  return { message, ...(typeof code === 'number' ? { code } : {}), ...(data === undefined ? {} : { data }) };
}

const job = JSON.parse(process.argv[2] ?? '') as ClientJob;
const ears = createEars();

async function outcomeOf(work: Promise<unknown>): Promise<ClientAnswer> {
  const outcome = await work.then(
    (value) => ({ value: value ?? null }),
    (error: unknown) => ({ refusal: refusalOf(error) }),
  );
  return { ...outcome, ...ears.read() };
}

const write = (answer: ClientAnswer): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
const connect = job.kind === 'v1' ? connectV1 : job.kind === '2024 over SSE' ? connect2024 : connectV2;
const run = await connect(job, ears);
write({ asked: [], progress: [] });
for await (const line of createInterface({ input: process.stdin })) write(await outcomeOf(run(JSON.parse(line) as ClientCall)));
process.exit(0);
