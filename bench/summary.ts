// Rounds to figures: medians with their spread. Ratios are taken within a round, between neighbours, before anything is averaged.
import type { Measurement } from './measure.ts';
import type { Row } from './rows.ts';
import { spreadOf, type Spread } from './spread.ts';
import type { VariantName } from './variants.ts';

/** One row of one round. */
export type RoundOfRow = ReadonlyMap<VariantName, Measurement>;

export interface VariantSummary {
  readonly variant: VariantName;
  readonly cpuUsPerCall: Spread;
  readonly callsPerSecond: Spread;
  readonly p50Us: Spread;
  readonly p99Us: Spread;
  readonly residentBytes: Spread;
  readonly proxyShare: Spread;
  readonly loadShare: Spread;
  /** CPU per call against the bare proxy's in the same round. */
  readonly ratioToBare: Spread | undefined;
  /** p50 above the direct one's in the same round. */
  readonly addedP50Us: Spread | undefined;
  readonly errors: number;
  readonly mismatches: number;
  readonly voidRounds: number;
}

export interface RowSummary {
  readonly row: Row;
  readonly variants: readonly VariantSummary[];
}

export function summarise(row: Row, rounds: readonly RoundOfRow[]): RowSummary {
  return { row, variants: row.variants.map((variant) => summariseVariant(variant, rounds)) };
}

function summariseVariant(variant: VariantName, rounds: readonly RoundOfRow[]): VariantSummary {
  const all = rounds.map((round) => round.get(variant)).filter((one) => one !== undefined);
  const valid = all.filter((one) => !one.isVoid);
  const of = (figure: (one: Measurement) => number): Spread => spreadOf(valid.map(figure));
  const paired = (other: VariantName, figure: (own: Measurement, other: Measurement) => number): Spread | undefined => {
    const figures = rounds.flatMap((round) => {
      const [own, against] = [round.get(variant), round.get(other)];
      return own === undefined || against === undefined || own.isVoid || against.isVoid ? [] : [figure(own, against)];
    });
    return figures.length === 0 ? undefined : spreadOf(figures);
  };
  return {
    variant,
    cpuUsPerCall: of((one) => one.cpuUsPerCall),
    callsPerSecond: of((one) => one.callsPerSecond),
    p50Us: of((one) => one.p50Us),
    p99Us: of((one) => one.p99Us),
    residentBytes: of((one) => one.residentBytes),
    proxyShare: of((one) => one.proxyShare),
    loadShare: of((one) => one.loadShare),
    ratioToBare: variant === 'direct' ? undefined : paired('bare', (own, bare) => own.cpuUsPerCall / bare.cpuUsPerCall),
    addedP50Us: variant === 'direct' ? undefined : paired('direct', (own, direct) => own.p50Us - direct.p50Us),
    errors: sum(all.map((one) => one.errors)),
    mismatches: sum(all.map((one) => one.mismatches)),
    voidRounds: all.length - valid.length,
  };
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0);
}
