/**
 * What the measurements share: interleaved timing, medians, a table of ratios.
 *
 * @module
 */

/** Something to time. */
export interface Subject {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Name of the subject that this one is compared with. */
  readonly against?: string;
}

/** Median wall-clock milliseconds by subject. */
export type Medians = ReadonlyMap<string, number>;

/** Runs the subjects in turn, so that a noisy neighbour hits all alike. @throws Error when one fails */
export async function timeInTurn(
  subjects: readonly Subject[],
  { rounds = 15, warmups = 2 }: { readonly rounds?: number; readonly warmups?: number } = {},
): Promise<Medians> {
  const times = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  for (let round = -warmups; round < rounds; round++) {
    for (const subject of subjects) {
      const ms = await timeOnce(subject);
      if (round >= 0) times.get(subject.name)?.push(ms);
    }
  }
  return new Map([...times].map(([name, values]) => [name, median(values)]));
}

/** Prints one line a subject: median and ratio. */
export function printRatios(subjects: readonly Subject[], medians: Medians): void {
  for (const { name, against } of subjects) {
    const ms = medians.get(name) ?? NaN;
    const peer = against === undefined ? undefined : medians.get(against);
    const ratio = peer === undefined ? "" : `  ${(ms / peer).toFixed(2)} × ${against}`;
    console.log(`${name.padEnd(44)} ${ms.toFixed(1).padStart(8)} ms${ratio}`);
  }
}

async function timeOnce({ name, argv, env = {}, cwd }: Subject): Promise<number> {
  const [program = "", ...args] = argv;
  const started = performance.now();
  const { success, stderr } = await new Deno.Command(program, {
    args,
    env: { ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  const ms = performance.now() - started;
  if (!success) throw new Error(`${name}: ${new TextDecoder().decode(stderr)}`);
  return ms;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle] ?? NaN
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
