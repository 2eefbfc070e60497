import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppError } from '#base/kernel';
import { scanMessage, type Envelope } from '#base/protocol';
import { checkHeaders, eraOf } from './classify.ts';

const MODERN = '2026-07-28';

function envelopeOf(method: string, params: object, version: string | undefined = MODERN): Envelope {
  const meta = version === '' ? {} : { _meta: { 'io.modelcontextprotocol/protocolVersion': version } };
  return scanMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, ...meta } })).toString('latin1'));
}

function refusalOf(headers: Record<string, string>, envelope: Envelope): string | undefined {
  try {
    checkHeaders(headers, envelope);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

test.each([
  [undefined, 'legacy'],
  ['2025-11-25', 'legacy'],
  ['2025-03-26', 'legacy'],
  ['2026-07-28', 'modern'],
  [' 2026-07-28 ', 'modern'],
  ['2027-01-01', 'modern'],
  ['9999', 'legacy'],
  ['zzzz', 'legacy'],
  ['', 'legacy'],
])('the version header %j alone says %s', (version, era) => {
  expect(eraOf(version === undefined ? {} : { 'mcp-protocol-version': version }, undefined)).toBe(era);
});

test('a request that describes itself is modern whatever its headers say', () => {
  for (const headers of [{}, { 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': 'x' }])
    expect(eraOf(headers, envelopeOf('tools/list', {}))).toBe('modern');
});

test('headers that agree with the body, or are left out, pass', () => {
  const call = envelopeOf('tools/call', { name: 'add' });
  expect(refusalOf({}, call)).toBeUndefined();
  expect(refusalOf({ 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': 'add' }, call)).toBeUndefined();
  expect(refusalOf({ 'mcp-name': 'anything' }, envelopeOf('tools/list', {}))).toBeUndefined();
  expect(refusalOf({ 'mcp-method': 'other', 'mcp-name': 'other' }, envelopeOf('tools/call', { name: 'add' }, ''))).toBeUndefined();
});

test.each([
  [{ 'mcp-protocol-version': '2025-11-25' }, 'tools/call', { name: 'add' }],
  [{ 'mcp-protocol-version': '2026-07-28, 2026-07-28' }, 'tools/call', { name: 'add' }],
  [{ 'mcp-method': 'tools/list' }, 'tools/call', { name: 'add' }],
  [{ 'mcp-method': 'TOOLS/CALL' }, 'tools/call', { name: 'add' }],
  [{ 'mcp-name': 'sub' }, 'tools/call', { name: 'add' }],
  [{ 'mcp-name': '' }, 'tools/call', { name: 'add' }],
  [{ 'mcp-name': 'file:///b' }, 'resources/read', { uri: 'file:///a' }],
  [{ 'mcp-name': 'b' }, 'tasks/get', { taskId: 'a' }],
  [{ 'mcp-name': '=?base64?!!?=' }, 'tools/call', { name: 'add' }],
  [{ 'mcp-name': '=?base64?YWR?=' }, 'tools/call', { name: 'add' }],
  [{ 'mcp-name': '=?base64?c3Vi?=' }, 'tools/call', { name: 'add' }],
] as [Record<string, string>, string, object][])('headers %j that contradict the body are refused', (headers, method, params) => {
  expect(refusalOf(headers, envelopeOf(method, params))).toBe('header.mismatch');
});

test('any name passes in its wrapped form, and only for itself', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme', minLength: 1 }), (name, other) => {
      const wrapped = `=?base64?${Buffer.from(name).toString('base64')}?=`;
      expect(refusalOf({ 'mcp-name': wrapped }, envelopeOf('tools/call', { name }))).toBeUndefined();
      if (other !== name) expect(refusalOf({ 'mcp-name': wrapped }, envelopeOf('tools/call', { name: other }))).toBe('header.mismatch');
    }),
  );
});
