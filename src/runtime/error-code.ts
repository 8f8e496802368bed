/** Is this an error of the system (errno) with one of these codes? */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);
}

/** What an error says, whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A disk did not do what it was asked for. `code` is the system's: some (a full disk) pass, and a later start may succeed. */
export class DiskFailed extends Error {
  override readonly name = "DiskFailed";
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}
