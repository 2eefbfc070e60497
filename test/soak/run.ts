// `npm run soak`: what the gateway holds after thousands of sessions and parked calls, against what it held before. Fails when heap, handles
// or sessions at the upstream have grown by more than noise.
import { parseArgs } from 'node:util';
import { SCENARIOS } from './scenarios.ts';
import { soak, type Held } from './soak.ts';
import { verdictOn } from './verdict.ts';

const USAGE = `npm run soak -- [--count 10000] [--rounds 5] [--scenarios ${Object.keys(SCENARIOS).join(',')}]`;

function fail(message: string): never {
  console.error(`${message}\n${USAGE}`);
  process.exit(2);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : fail(`--${name} must be a whole number above 0, not "${text}".`);
}

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    scenarios: { type: 'string', default: Object.keys(SCENARIOS).join(',') },
  },
});
const rounds = positive('rounds', values.rounds);
const each = Math.ceil(positive('count', values.count) / rounds);

const line = (what: string, held: Held): string =>
  [
    what.padEnd(8),
    `${(held.heapBytes / 1048576).toFixed(2)} MB heap`.padStart(16),
    `${held.descriptors} descriptors`.padStart(18),
    `${held.handles} handles`.padStart(14),
    `${held.timers} timers`.padStart(12),
    `${held.upstreamSessions} sessions upstream`.padStart(22),
    `${held.expired} expired`.padStart(16),
  ].join('');

let isWell = true;
for (const name of values.scenarios.split(',')) {
  const scenario = SCENARIOS[name] ?? fail(`There is no scenario "${name}".`);
  console.log(`\n${rounds * each} ${scenario.title}, in ${rounds} rounds (node ${process.versions.node})`);
  const held = await soak(scenario, {
    rounds,
    each,
    warm: each,
    onRound: (round, now) => console.log(line(round === 0 ? 'start' : `round ${round}`, now)),
  });
  const { text, isBack } = verdictOn(held, each);
  console.log(text);
  isWell &&= isBack;
}
process.exitCode = isWell ? 0 : 1;
