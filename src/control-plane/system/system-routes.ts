// What operators and orchestrators ask of the process itself (api.md 2.1).
import { hostname, cpus, loadavg, totalmem, freemem, platform, release } from 'node:os';
import { z } from 'zod';
import { toAppError } from '#base/kernel';
import type { Database } from '#control-plane/db';
import { defineRoute, RouteReply, type RouteSpec } from '#control-plane/http-contract';

export interface SystemParts {
  readonly database: Database;
  readonly appName: string;
  readonly appVersion: string;
  readonly databaseUrl: string;
  /** The newest MCP revision the gateway speaks. */
  readonly protocolVersion: string;
  /** False while the gateway starts and from the moment it is told to stop. */
  readonly isReady: () => boolean;
  /** What the data plane holds now and has counted since the start. */
  readonly traffic: () => Readonly<Record<string, unknown>>;
}

const MIB = 1024 * 1024;
const facts = z.record(z.string(), z.unknown());

export function systemRoutes(parts: SystemParts): RouteSpec[] {
  const bootTime = new Date();
  const common = { method: 'GET', tags: ['system'], input: {}, successStatus: 200, isUnversioned: true } as const;

  async function databaseFault(): Promise<string | undefined> {
    try {
      await parts.database.ping();
      return undefined;
    } catch (error) {
      return toAppError(error).message;
    }
  }

  return [
    defineRoute({
      ...common,
      path: '/',
      summary: 'What this is',
      auth: 'none',
      output: z.object({ name: z.string(), version: z.string(), description: z.string(), ui_enabled: z.boolean(), admin_api_enabled: z.boolean() }),
      statuses: [],
      handler: async () => ({
        name: parts.appName,
        version: parts.appVersion,
        description: 'A gateway in front of MCP servers. The API is described at /openapi.json; MCP is served at /servers/{id}/mcp.',
        ui_enabled: false,
        admin_api_enabled: false,
      }),
    }),
    defineRoute({
      ...common,
      path: '/health',
      summary: 'Is the process healthy? Always 200; the body says',
      auth: 'none',
      output: z.object({ status: z.enum(['healthy', 'unhealthy']), error: z.string().optional() }),
      statuses: [],
      handler: async () => {
        const error = await databaseFault();
        return error === undefined ? { status: 'healthy' } : { status: 'unhealthy', error };
      },
    }),
    defineRoute({
      ...common,
      path: '/ready',
      summary: 'Should this process be sent requests?',
      auth: 'none',
      output: z.object({ status: z.literal('ready') }),
      statuses: [503],
      handler: async () => {
        const error = parts.isReady() ? await databaseFault() : 'The gateway is starting or stopping.';
        return error === undefined ? { status: 'ready' } : new RouteReply(503, { status: 'not ready', error });
      },
    }),
    defineRoute({
      ...common,
      path: '/version',
      summary: 'Versions and the state of the process',
      auth: 'admin',
      output: z.object({
        timestamp: z.string(),
        host: z.string(),
        uptime_seconds: z.number(),
        app: facts,
        platform: facts,
        database: facts,
        redis: facts,
        mcp: facts,
        settings: facts,
        env: facts,
        system: facts,
      }),
      statuses: [],
      handler: async () => {
        const error = await databaseFault();
        return versionAnswer(parts, bootTime, error === undefined);
      },
    }),
  ];
}

function versionAnswer(parts: SystemParts, bootTime: Date, isReachable: boolean) {
  const memory = process.memoryUsage();
  return {
    timestamp: new Date().toISOString(),
    host: hostname(),
    uptime_seconds: Math.floor(process.uptime()),
    app: { name: parts.appName, version: parts.appVersion, mcp_protocol_version: parts.protocolVersion },
    platform: {
      node: process.version,
      v8: process.versions.v8,
      sqlite: process.versions.sqlite ?? null,
      os: `${platform()} ${release()} ${process.arch}`,
    },
    database: {
      dialect: 'sqlite',
      url: withoutCredentials(parts.databaseUrl),
      reachable: isReachable,
      server_version: process.versions.sqlite ?? null,
    },
    redis: { available: false, url: null, reachable: false, server_version: null },
    mcp: parts.traffic(),
    settings: { cache_type: 'memory', mcpgateway_ui_enabled: false, mcpgateway_admin_api_enabled: false },
    env: {},
    system: {
      boot_time: bootTime.toISOString(),
      cpu_count: cpus().length,
      load_avg: loadavg(),
      mem_total_mb: Math.round(totalmem() / MIB),
      mem_used_mb: Math.round((totalmem() - freemem()) / MIB),
      process: { pid: process.pid, rss_mb: Math.round(memory.rss / MIB), heap_used_mb: Math.round(memory.heapUsed / MIB) },
    },
  };
}

function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//***@').replace(/\?.*$/, '');
}
