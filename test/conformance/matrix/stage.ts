// What a scenario plays on: a client in front of one server of the gateway, and the levers of the upstream behind it.
import { eventually } from '../../e2e/checklist/wire.ts';
import type { DoorTo } from './legacy-carriers.ts';
import { LegacyPlayer } from './legacy-player.ts';
import { ModernPlayer } from './modern-player.ts';
import { everything } from './player.ts';
import type { Json, Outcome, Player, RequestOptions, RunningCall } from './player.ts';
import { eraOf } from './revisions.ts';
import type { Cell } from './revisions.ts';
import type { UpstreamCopy } from './upstream-copy.ts';

/** A server under test, and how what the upstream calls something is called there. */
export interface ServerUnderTest {
  readonly door: DoorTo;
  readonly tool: (name: string) => string;
  readonly prompt: (name: string) => string;
}

export class Stage {
  readonly cell: Cell;
  readonly upstream: UpstreamCopy;
  readonly server: ServerUnderTest;
  readonly #players = new Map<string, Player>();

  constructor(cell: Cell, server: ServerUnderTest, upstream: UpstreamCopy) {
    this.cell = cell;
    this.server = server;
    this.upstream = upstream;
  }

  /** A client that declares these capabilities: everything it can, if not told otherwise. The same one each time. */
  async player(capabilities: Json = everything(this.cell.client)): Promise<Player> {
    const key = JSON.stringify(capabilities);
    let player = this.#players.get(key);
    if (player === undefined) {
      const { client } = this.cell;
      const { door } = this.server;
      player = eraOf(client) === 'modern' ? await ModernPlayer.open(door, capabilities) : await LegacyPlayer.open(door, client, capabilities);
      this.#players.set(key, player);
    }
    return player;
  }

  /** What reached the players and is not of their revision, since it was last asked. */
  faults(): string[] {
    return [...this.#players.values()].flatMap((player) => (player.faults as string[]).splice(0));
  }

  async start(tool: string, args: Json = {}, options?: RequestOptions): Promise<RunningCall> {
    return (await this.player()).start('tools/call', { name: this.server.tool(tool), arguments: args }, options);
  }

  async call(tool: string, args: Json = {}, options?: RequestOptions): Promise<Outcome> {
    return (await this.start(tool, args, options)).outcome;
  }

  async request(method: string, params?: Json, options?: RequestOptions): Promise<Outcome> {
    return (await this.player()).request(method, params, options);
  }

  /** Waits until the upstream is as it should be. */
  async untilUpstream(fits: (states: readonly Json[]) => boolean): Promise<void> {
    await eventually(async () => fits(await this.upstream.states()), 8000);
  }

  /** Ends every client; the next `player` is a new one. */
  async close(): Promise<void> {
    const players = [...this.#players.values()];
    this.#players.clear();
    await Promise.all(players.map((player) => player.close().catch(() => undefined)));
  }
}
