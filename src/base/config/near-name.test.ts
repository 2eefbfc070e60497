import { expect, it } from 'vitest';
import { nearestName } from './near-name.ts';

const KNOWN = ['HOST', 'PORT', 'JWT_SECRET_KEY', 'JWT_PUBLIC_KEY_PATH', 'JWT_PRIVATE_KEY_PATH', 'LOG_LEVEL', 'AUTH_REQUIRED'];

it.each([
  ['JWT_SECERT_KEY', 'JWT_SECRET_KEY'],
  ['JWT_SECRET_KEYS', 'JWT_SECRET_KEY'],
  ['jwt_secret_key', 'JWT_SECRET_KEY'],
  ['LOGLEVEL', 'LOG_LEVEL'],
  ['AUTH_REQUIERD', 'AUTH_REQUIRED'],
])('%s was meant to be %s', (slip, meant) => expect(nearestName(slip, KNOWN)).toBe(meant));

it.each(['POST', 'HOME', 'PATH', 'HOSTS', 'LOGNAME', 'JWT', 'SESSION_MANAGER', ''])('%s is a stranger', (name) =>
  expect(nearestName(name, KNOWN)).toBeUndefined(),
);
