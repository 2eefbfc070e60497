// Over a line the gateway is the HTTP server: it checks the headers that say a tool's arguments (MCP 2026-07-28, SEP-2243).
import { afterEach, expect, it } from 'vitest';
import { paramDeclarations, scanMessage } from '../../src/base/protocol/index.ts';
import { channelRig, modernParams, type ChannelRig, type Told } from './channel-rig.ts';

let rig: ChannelRig;

afterEach(async () => {
  await rig.upstream.close();
});

const { params } = paramDeclarations({ properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } });

function call(region: string, header: string | undefined, version = '2026-07-28'): Told {
  const named = modernParams({ name: 'x', arguments: { region } });
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 'a', method: 'tools/call', params: named }).replace('2026-07-28', version));
  const headers = ['mcp-protocol-version', version, 'mcp-method', 'tools/call', 'mcp-name', 'x'];
  if (header !== undefined) headers.push('mcp-param-region', header);
  return rig.send({ method: 'POST', headers, body, message: scanMessage(body.toString('latin1')), session: undefined, params });
}

it('refuses a header that is missing or says something else, and starts nothing for it', () => {
  rig = channelRig();
  for (const header of [undefined, 'us', '=?base64?ZXU?=']) expect(call('eu', header).error).toMatchObject({ code: 'header.mismatch', status: 400 });
  expect(rig.lines).toEqual([]);
  for (const header of ['eu', '=?base64?ZXU=?=']) expect(call('eu', header).error).toBeUndefined();
  expect(rig.line.messages).toHaveLength(2);
});

it('says first that a revision is not spoken', () => {
  rig = channelRig();
  expect(call('eu', undefined, '2027-01-01').answer).toMatchObject({ error: { code: -32022 } });
});
