// Reads every registered upstream once, beside a gateway that runs or in its stead, and says what it found. Nothing is written.
import type { Config } from '#base/config';
import { silentLogger, toAppError, type Logger } from '#base/kernel';
import { createOutbound } from '#base/net';
import { createColumnCipher } from '#control-plane/db';
import { loadUpstreamRows } from '#control-plane/upstreams';
import { HealthBook, openUpstreams, remedyFor } from '#data-plane/upstream';
import type { ExaminedGateway } from '#front/cli';
import { openConfiguredDatabase } from './engine.ts';

const AT_ONCE_MAX = 8;
const CONNECT_TIMEOUT_MS = 10_000;

/** In the order of the names. Throws AppError `database.unavailable` or `config.invalid`. */
export async function examineUpstreams(config: Config): Promise<ExaminedGateway[]> {
  const unreadable: string[] = [];
  const listening: Logger = { ...silentLogger, error: (message) => void unreadable.push(message) };
  const database = await openConfiguredDatabase(config, silentLogger);
  try {
    const rows = await loadUpstreamRows(database, createColumnCipher(config.auth.encryptionSecret), listening);
    const ordered = rows.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const lost = unreadable.map((message) => ({ name: '', state: 'failing' as const, detail: message, remedy: undefined }));
    const timeoutMs = config.upstream.registrationTimeoutSeconds * 1000;
    return [...lost, ...(await readAll(config, ordered, timeoutMs))];
  } finally {
    await database.close();
  }
}

async function readAll(config: Config, rows: Awaited<ReturnType<typeof loadUpstreamRows>>, timeoutMs: number): Promise<ExaminedGateway[]> {
  const outbound = createOutbound({
    guard: { ...config.ssrf },
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    dnsFailClosed: config.ssrf.dnsFailClosed,
    verifyTls: !config.upstream.skipTlsVerify,
  });
  const behind = await openUpstreams(
    { stdio: { ...config.stdio, idleMs: config.stdio.idleSeconds * 1000 }, handshakeTimeoutMs: timeoutMs, databasePath: undefined },
    { outbound, health: new HealthBook({ threshold: 1, probeIntervalMs: timeoutMs }), logger: silentLogger },
  );
  const reader = behind.reader(timeoutMs);
  const examine = async (row: (typeof rows)[number]): Promise<ExaminedGateway> => {
    if (!row.enabled) return { name: row.name, state: 'off', detail: 'switched off', remedy: undefined };
    try {
      const { protocolVersion, transport } = await reader.read(row, AbortSignal.timeout(timeoutMs));
      return { name: row.name, state: 'ready', detail: `${transport}, answers in ${protocolVersion}`, remedy: undefined };
    } catch (thrown) {
      const error = toAppError(thrown);
      return { name: row.name, state: 'failing', detail: error.message, remedy: remedyFor(error.code) };
    }
  };
  try {
    const examined: ExaminedGateway[] = [];
    const waiting = rows.entries();
    const worker = async (): Promise<void> => {
      for (const [index, row] of waiting) examined[index] = await examine(row);
    };
    await Promise.all(Array.from({ length: AT_ONCE_MAX }, worker));
    return examined;
  } finally {
    await behind.close();
    await outbound.close();
  }
}
