import { expect, test } from 'vitest';
import { AppError } from '#base/kernel';
import { createAddressGuard, type GuardSettings } from './address-guard.ts';

const STRICT: GuardSettings = {
  enabled: true,
  allowLocalhost: false,
  allowPrivateNetworks: false,
  allowedNetworks: [],
  blockedNetworks: ['169.254.0.0/16', '100.64.0.0/10'],
  blockedHosts: ['metadata.google.internal'],
};

function refuses(url: string, settings: Partial<GuardSettings> = {}): boolean {
  try {
    createAddressGuard({ ...STRICT, ...settings }).checkUrl(new URL(url));
    return false;
  } catch (error) {
    if (error instanceof AppError && error.code === 'upstream.refused_by_guard') return true;
    throw error;
  }
}

const LOOPBACK = [
  '127.0.0.1',
  '127.1.2.3',
  '127.1',
  '2130706433',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '0x7f000001',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:0:0:1]',
  '①②⑦.0.0.1',
];
const PRIVATE = ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '[fd12:3456::1]', '[::ffff:192.168.0.1]', '3232235521'];
const NEVER = [
  '169.254.169.254',
  '[::ffff:169.254.169.254]',
  '0xa9fea9fe',
  '0.0.0.0',
  '[::]',
  '255.255.255.255',
  '224.0.0.1',
  '100.64.0.1',
  '[fe80::1]',
  '[fec0::1]',
  '[::127.0.0.1]',
  '[::a9fe:a9fe]',
  '[64:ff9b:1::7f00:1]',
  '[ff02::1]',
  '192.0.2.1',
  '[2001:db8::1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
];
const PUBLIC = ['93.184.215.14', '[2606:2800:21f:cb07::1]', 'example.com', '8.8.8.8'];

test.each(LOOPBACK)('loopback, however it is spelled, needs to be allowed: %s', (host) => {
  expect(refuses(`http://${host}:8080/mcp`)).toBe(true);
  expect(refuses(`http://${host}:8080/mcp`, { allowPrivateNetworks: true })).toBe(true);
  expect(refuses(`http://${host}:8080/mcp`, { allowLocalhost: true })).toBe(false);
});

test.each(PRIVATE)('private addresses need to be allowed: %s', (host) => {
  expect(refuses(`http://${host}/`)).toBe(true);
  expect(refuses(`http://${host}/`, { allowLocalhost: true })).toBe(true);
  expect(refuses(`http://${host}/`, { allowPrivateNetworks: true })).toBe(false);
});

test.each(NEVER)('metadata, link-local, multicast, translated and other special addresses stay refused: %s', (host) => {
  expect(refuses(`http://${host}/`, { allowLocalhost: true, allowPrivateNetworks: true })).toBe(true);
});

test.each(PUBLIC)('public addresses and names are let through, names being checked again when they are connected to: %s', (host) => {
  expect(refuses(`https://${host}/mcp`)).toBe(false);
});

test.each([
  'http://metadata.google.internal/',
  'http://METADATA.google.internal/',
  'http://metadata.google.internal./',
  'ftp://example.com/',
  'file:///etc/passwd',
  'data:,x',
  'http://user:secret@example.com/',
  'http://user@example.com/',
])('refused before anything is looked up: %s', (url) => {
  expect(refuses(url, { allowLocalhost: true, allowPrivateNetworks: true })).toBe(true);
});

test('an allowed range opens exactly itself, and a blocked one wins over everything', () => {
  expect(refuses('http://10.1.2.3/', { allowedNetworks: ['10.1.0.0/16'] })).toBe(false);
  expect(refuses('http://10.2.0.1/', { allowedNetworks: ['10.1.0.0/16'] })).toBe(true);
  expect(refuses('http://10.1.2.3/', { allowedNetworks: ['10.1.2.3'] })).toBe(false);
  expect(refuses('http://8.8.8.8/', { blockedNetworks: ['8.8.8.8'] })).toBe(true);
  expect(refuses('http://169.254.169.254/', { allowedNetworks: ['169.254.0.0/16'] })).toBe(true);
});

test('the address a name resolved to is held to the same rules', () => {
  const guard = createAddressGuard(STRICT);
  for (const address of ['127.0.0.1', '::1', '10.0.0.1', '169.254.169.254', '::ffff:169.254.169.254'])
    expect(() => guard.checkAddress(address, 'rebound.example')).toThrow(AppError);
  expect(() => guard.checkAddress('8.8.8.8', 'rebound.example')).not.toThrow();
});

test('switched off, it still refuses what is no HTTP address', () => {
  expect(refuses('http://127.0.0.1/', { enabled: false })).toBe(false);
  expect(refuses('file:///etc/passwd', { enabled: false })).toBe(true);
});
