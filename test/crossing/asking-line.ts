// `node asking-line.ts legacy|modern`: the asking server on stdin and stdout, in one era only.
import { createInterface } from 'node:readline';
import { answerModern, AskingSession, type Message } from './asking-server.ts';

const isModern = process.argv[2] === 'modern';
const session = new AskingSession();
const write = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`);

async function takeModern(message: Message): Promise<void> {
  if (message.id === undefined) return;
  const result = await answerModern(message);
  const error = { code: -32601, message: 'Method not found' };
  write({ jsonrpc: '2.0', id: message.id, ...(result === undefined ? { error } : { result }) });
}

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as Message;
  void (isModern ? takeModern(message) : session.take(message, write));
}
