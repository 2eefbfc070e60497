// One step in the life of a message. It throws an AppError to refuse; it never waits, because all it needs is in memory.
import type { Exchange } from '../exchange.ts';

export type Stage = (exchange: Exchange) => void;
