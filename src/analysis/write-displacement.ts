import type { SpanTable } from '../model/records.ts';

/**
 * How far each write was from index order: the distance between a chunk's place in the order of writing and its place
 * in the image, in chunks, zeros included. All 0 for a strategy that writes in order.
 */
export function writeDisplacements(spans: SpanTable): readonly number[] {
  const slots = spans.slot.filter((slot) => slot !== null);
  const rankOfSlot = new Map(slots.toSorted((a, b) => a - b).map((slot, rank) => [slot, rank]));
  return slots.map((slot, rank) => Math.abs(rank - (rankOfSlot.get(slot) ?? rank)));
}
