// The bench's upstream as a child: one message a line. It moves itself to the core it is given, because a child begins on its
// parent's, which is the proxy's and is measured.
import { spawnSync } from 'node:child_process';
import { lineAnswer } from './upstream-answers.ts';

const [core] = process.argv.slice(2);
if (core !== undefined) spawnSync('taskset', ['-a', '-p', '-c', core, String(process.pid)]);

let pending = '';
process.stdin.setEncoding('latin1');
process.stdin.on('data', (read: string) => {
  const lines = (pending + read).split('\n');
  pending = lines.pop() ?? '';
  let answers = '';
  for (const line of lines) {
    const text = lineAnswer(line);
    if (text !== '') answers += `${text}\n`;
  }
  if (answers !== '') process.stdout.write(answers, 'latin1');
});
process.stdin.on('end', () => process.exit(0));
