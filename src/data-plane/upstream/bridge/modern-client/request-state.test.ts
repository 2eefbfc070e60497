import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '#base/kernel';
import { RequestStates } from './request-state.ts';

const state = { callId: 'call', round: 'round', expiresAtMs: 2000 };
const states = new RequestStates(new Secret('a secret'));
const sealed = states.seal(state, 'binding');

describe('a sealed state', () => {
  it('comes back for the binding it was sealed for, until it expires', () => {
    expect(states.open(sealed, 'binding', 1000)).toEqual(state);
    expect(states.open(sealed, 'another', 1000)).toBeUndefined();
    expect(states.open(sealed, 'binding', 2000)).toBeUndefined();
  });

  it('says nothing to whoever carries it, and is another one each time', () => {
    expect(sealed).not.toContain('call');
    expect(Buffer.from(sealed.split('.')[2] ?? '', 'base64url').toString('latin1')).not.toContain('round');
    expect(states.seal(state, 'binding')).not.toBe(sealed);
  });

  it('is of the instance that holds the call: another one with the same secret takes it for foreign', () => {
    expect(new RequestStates(new Secret('a secret')).open(sealed, 'binding', 1000)).toBeUndefined();
  });

  it('is nobody’s when a single character of it is another, is missing or is added', () => {
    fc.assert(
      fc.property(
        fc.nat(sealed.length - 1),
        fc.constantFrom('A', 'z', '0', '_', '.', '=', ' '),
        fc.constantFrom('replace', 'insert', 'cut'),
        (at, other, how) => {
          const rest = how === 'insert' ? sealed.slice(at) : sealed.slice(at + 1);
          const forged = how === 'cut' ? sealed.slice(0, at) : `${sealed.slice(0, at)}${other}${rest}`;
          fc.pre(forged !== sealed);
          expect(states.open(forged, 'binding', 1000)).toBeUndefined();
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is nobody’s when it is any text at all', () => {
    fc.assert(
      fc.property(fc.string(), fc.base64String(), (text, data) => {
        expect(states.open(text, 'binding', 1000)).toBeUndefined();
        expect(states.open(`${sealed.split('.').slice(0, 2).join('.')}.${data}`, 'binding', 1000)).toBeUndefined();
      }),
    );
    expect(states.open('x'.repeat(1_000_000), 'binding', 1000)).toBeUndefined();
  });
});
