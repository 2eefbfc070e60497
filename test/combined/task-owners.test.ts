import { expect, it } from 'vitest';
import { TaskOwners } from '../../src/data-plane/upstream/combined/task-owners.ts';
import { principal, snapshotOf, upstreamRow } from './combined-rig.ts';

const SNAPSHOT = snapshotOf([upstreamRow('a')], []);
const [ann, bob] = [principal({ key: 'ann' }), principal({ key: 'bob' })];

it('the oldest tasks are forgotten first, of whoever has most of them', () => {
  const owners = new TaskOwners(10);
  owners.note(bob, 'of bob', 'a');
  for (let at = 0; at < 30; at++) owners.note(ann, `t${at}`, 'a');
  expect(owners.ownerOf(bob, 'of bob', SNAPSHOT)?.id).toBe('a');
  expect(Array.from({ length: 30 }, (_, at) => owners.ownerOf(ann, `t${at}`, SNAPSHOT)?.id).filter(Boolean)).toHaveLength(9);
  expect([owners.ownerOf(ann, 't29', SNAPSHOT)?.id, owners.ownerOf(ann, 't0', SNAPSHOT), owners.ownerOf(bob, 't29', SNAPSHOT)]).toEqual([
    'a',
    undefined,
    undefined,
  ]);
});

it('a task named again is one task', () => {
  const owners = new TaskOwners(2);
  owners.note(ann, 'first', 'a');
  for (let at = 0; at < 5; at++) owners.note(ann, 'again', 'a');
  expect(owners.ownerOf(ann, 'first', SNAPSHOT)?.id).toBe('a');
});
