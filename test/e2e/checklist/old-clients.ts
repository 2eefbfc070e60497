// Clients of earlier revisions, each in a process of its own (old-client-process.ts).
import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Door } from './doors.ts';
import type { OldClientAnswer, OldClientCall } from './old-client-process.ts';

export const OLD_VERSIONS = ['2024-11-05', '2025-03-26', '2025-06-18'] as const;

/** What the client's own parser refuses to read. */
export class UnreadableAnswer extends Error {}

export interface OldClient {
  listTools(): Promise<{ name: string; outputSchema?: unknown }[]>;
  callTool(name: string, args: object): Promise<{ content: { type: string; text?: string }[]; structuredContent?: unknown }>;
  getPrompt(name: string, args: object): Promise<unknown>;
  readResource(uri: string): Promise<unknown>;
  /** What it was asked, as it understood it. */
  asked(): Promise<{ method: string; params: unknown }[]>;
}

/** Runs `use` with a client of this revision that is connected. Rejects with UnreadableAnswer or with what the client says. */
export async function withOldClient(version: string, door: Door, use: (client: OldClient) => Promise<void>): Promise<void> {
  const { url, headers } = door;
  // Not the conditions of the test runner: the SDKs are to be what their packages publish.
  const child = fork(join(import.meta.dirname, 'old-client-process.ts'), [version, JSON.stringify({ url, headers })], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = new Promise<never>((_, reject) => child.once('exit', () => reject(new Error('The client has ended'))));
  exited.catch(() => undefined);
  const heard = async (): Promise<unknown> => {
    const answer = await Promise.race([
      exited,
      new Promise<OldClientAnswer>((resolve) => child.once('message', (message) => resolve(message as OldClientAnswer))),
    ]);
    if ('value' in answer) return answer.value;
    if ('error' in answer) throw answer.isUnreadable ? new UnreadableAnswer(answer.error) : new Error(answer.error);
    return undefined;
  };
  // One at a time, so that the next message is the answer.
  const ask = <T>(call: OldClientCall): Promise<T> => {
    const answer = heard();
    child.send(call);
    return answer as Promise<T>;
  };
  const words = (args: object): Record<string, string> => args as Record<string, string>;
  try {
    await heard();
    await use({
      listTools: async () => (await ask<{ tools: { name: string }[] }>({ do: 'listTools' })).tools,
      callTool: (name, args) => ask({ do: 'callTool', name, args: words(args) }),
      getPrompt: (name, args) => ask({ do: 'getPrompt', name, args: words(args) }),
      readResource: (uri) => ask({ do: 'readResource', uri }),
      asked: () => ask({ do: 'asked' }),
    });
  } finally {
    child.kill('SIGKILL');
    await exited.catch(() => undefined);
  }
}
