// Asks the person at the terminal. What is secret is not echoed.
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { AppError } from '#base/kernel';
import type { Ask } from './mcp-config-inputs.ts';

/** Rejects with AppError `config.invalid` when the answer is refused (Ctrl-C, end of input). */
export const askOnTerminal: Ask = (question, isHidden) =>
  new Promise((resolve, reject) => {
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input: process.stdin, output: isHidden ? nowhere : process.stdout, terminal: true });
    lines.once('close', () => reject(new AppError('config.invalid', `There was no answer to: ${question.trim()}`)));
    if (isHidden) process.stdout.write(question);
    lines.question(isHidden ? '' : question, (answer) => {
      if (isHidden) process.stdout.write('\n');
      resolve(answer.trim());
      lines.close();
    });
  });
