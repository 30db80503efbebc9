import { UsageError } from '../model/errors.ts';
import type { HistorySettings, ImageSettings } from '../model/environment.ts';
import { ZERO_CONTENT } from '../material/chunk-recipe.ts';
import { SeededRandom } from '../material/seeded-random.ts';

/** Which content stands in which slot of which backup, before any byte is made. */
export interface ImagePlan {
  readonly slotCount: number;
  /** Bytes of the last slot. */
  readonly lastSlotBytes: number;
  /** One array per backup, oldest first: the content of each slot. */
  readonly backups: readonly Uint32Array[];
  /** By content: the first backup that holds it. */
  readonly firstBackups: readonly number[];
}

/**
 * Decides on zeros, repeats and changes. Counts are exact to the chunk where they can be, places are drawn.
 * @throws UsageError `workload-settings` for what no image can be
 */
export function planImage(image: ImageSettings, history: HistorySettings, chunkSize: number): ImagePlan {
  checkSettings(image, history);
  const slotCount = Math.ceil(image.sizeBytes / chunkSize);
  const lastSlotBytes = image.sizeBytes - (slotCount - 1) * chunkSize;
  const planner = new Planner(image, slotCount, lastSlotBytes < chunkSize);
  const backups = [planner.first()];
  while (backups.length < history.depth) {
    backups.push(
      planner.next(backups.at(-1) as Uint32Array, backups.length, Math.round(history.changeRate * slotCount)),
    );
  }
  return { slotCount, lastSlotBytes, backups, firstBackups: planner.firstBackups };
}

/**
 * A plan with at most so many distinct contents besides zeros and a short last chunk: every other chunk repeats one of
 * them, in random places.
 */
export function planRepeatingImage(image: ImageSettings, chunkSize: number, contents: number): ImagePlan {
  const slots = Math.ceil(image.sizeBytes / chunkSize);
  const fullSlots = Math.floor(image.sizeBytes / chunkSize);
  const dataSlots = fullSlots - Math.min(fullSlots, Math.round(image.zeroShare * slots));
  const repeatedShare = Math.max(0, dataSlots - contents) / slots;
  return planImage({ ...image, repeatedShare }, { depth: 1, changeRate: 0 }, chunkSize);
}

class Planner {
  readonly firstBackups: number[] = [0];
  readonly #slotCount: number;
  /** A short last slot is data, and nothing repeats it. */
  readonly #hasTail: boolean;
  readonly #zeros: number;
  /** Distinct contents of full data slots. */
  readonly #distinct: number;
  readonly #random: SeededRandom;

  constructor({ zeroShare, repeatedShare, seed }: ImageSettings, slotCount: number, hasTail: boolean) {
    const fullSlots = slotCount - (hasTail ? 1 : 0);
    this.#slotCount = slotCount;
    this.#hasTail = hasTail;
    this.#zeros = Math.min(fullSlots, Math.round(zeroShare * slotCount));
    const dataSlots = fullSlots - this.#zeros;
    this.#distinct = Math.max(Math.min(1, dataSlots), dataSlots - Math.round(repeatedShare * slotCount));
    this.#random = new SeededRandom(`plan ${seed}`);
  }

  first(): Uint32Array {
    const slots = new Uint32Array(this.#slotCount);
    const places = this.#fullSlots();
    const dataSlots = this.#random.take(places, places.length).slice(this.#zeros);
    this.#fill(slots, dataSlots, [], 0);
    this.#newTail(slots, 0);
    return slots;
  }

  /** The next backup: `changes` slots hold something else than in the one before. */
  next(previous: Uint32Array, backup: number, changes: number): Uint32Array {
    const slots = previous.slice();
    const data: number[] = [];
    const zeros: number[] = [];
    for (let slot = 0; slot < slots.length; slot += 1) (slots[slot] === ZERO_CONTENT ? zeros : data).push(slot);
    const moves = Math.max(0, changes - data.length);
    const movable = data.length - (this.#hasTail ? 1 : 0);
    if (moves > Math.min(zeros.length, movable)) {
      const possible = data.length + Math.min(zeros.length, movable);
      throw impossible(
        `changeRate asks for ${changes} changed chunks in each backup, but only ${possible} of ${slots.length} can change while zeroShare holds`,
      );
    }
    const changed = this.#random.take(data, changes - moves).filter((slot) => !this.#isTail(slot));
    const tailChanges = changed.length < changes - moves;
    const refilled = [...changed.slice(moves), ...this.#random.take(zeros, moves)];
    for (const slot of changed.slice(0, moves)) slots[slot] = ZERO_CONTENT;
    for (const slot of refilled) slots[slot] = ZERO_CONTENT;
    const kept = new Set(slots.filter((content, slot) => content !== ZERO_CONTENT && !this.#isTail(slot)));
    this.#fill(slots, refilled, [...kept], backup, previous);
    if (tailChanges) this.#newTail(slots, backup);
    return slots;
  }

  /** Fills places so that the image has the right number of distinct contents, `kept` included. */
  #fill(slots: Uint32Array, places: readonly number[], kept: number[], backup: number, previous?: Uint32Array): void {
    const contents = kept;
    const fresh = Math.min(places.length, Math.max(0, this.#distinct - kept.length));
    for (const [order, slot] of places.entries()) {
      slots[slot] =
        order < fresh ? this.#newContent(contents, backup) : this.#repeat(contents, backup, previous?.[slot]);
    }
  }

  /** Any content of the image but the one that the slot had; a new one where there is no other. */
  #repeat(contents: number[], backup: number, except: number | undefined): number {
    const start = this.#random.below(contents.length);
    for (const offset of [0, 1]) {
      const content = contents[(start + offset) % contents.length];
      if (content !== undefined && content !== except) return content;
    }
    return this.#newContent(contents, backup);
  }

  #newContent(contents: number[], backup: number): number {
    contents.push(this.firstBackups.length);
    return this.firstBackups.push(backup) - 1;
  }

  #newTail(slots: Uint32Array, backup: number): void {
    if (this.#hasTail) slots[slots.length - 1] = this.#newContent([], backup);
  }

  #isTail(slot: number): boolean {
    return this.#hasTail && slot === this.#slotCount - 1;
  }

  #fullSlots(): number[] {
    return Array.from({ length: this.#slotCount - (this.#hasTail ? 1 : 0) }, (_, slot) => slot);
  }
}

function checkSettings(image: ImageSettings, history: HistorySettings): void {
  if (!Number.isSafeInteger(image.sizeBytes) || image.sizeBytes < 1)
    throw impossible('the size of the image must be at least 1 byte');
  for (const name of ['zeroShare', 'repeatedShare'] as const) {
    if (!(image[name] >= 0 && image[name] <= 1)) throw impossible(`${name} must be from 0 to 1`);
  }
  // Shares such as 0.9 and 0.1 add up to a little more than 1 in binary.
  if (image.zeroShare + image.repeatedShare > 1 + 1e-9)
    throw impossible('zeroShare and repeatedShare are more than 100 % together');
  if (!(image.compressionRatio >= 1 && Number.isFinite(image.compressionRatio)))
    throw impossible('compressionRatio must be at least 1');
  if (!Number.isSafeInteger(history.depth) || history.depth < 1)
    throw impossible('the depth of the history must be at least 1');
  if (!(history.changeRate >= 0 && history.changeRate <= 1)) throw impossible('changeRate must be from 0 to 1');
}

const impossible = (what: string): UsageError =>
  new UsageError(`no such image can be made: ${what}`, {
    code: 'workload-settings',
    hint: 'change image or history of the scenario',
  });
