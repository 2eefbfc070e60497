// The audit trail as tests look into it.
import type { StartedGateway } from '../../kit/gateway.ts';
import { eventually } from './wire.ts';

export interface AuditRow {
  readonly method: string;
  readonly direction: string;
  readonly outcome: string;
  readonly error_code: string | null;
  readonly resource_name: string | null;
  readonly user_email: string;
  readonly token_id: string;
  readonly server_id: string;
  readonly gateway_id: string;
  readonly http_status: number | null;
  readonly trace_id: string | null;
  readonly request_bytes: number;
  readonly response_bytes: number;
}

/** The newest record that fits, once it is written. */
export function recorded(gateway: StartedGateway, fits: (row: AuditRow) => boolean): Promise<AuditRow> {
  return eventually(async () => ((await gateway.api('GET', '/audit-trails?limit=1000')).body as AuditRow[]).find(fits));
}
