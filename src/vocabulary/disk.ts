/**
 * The small disk interface under log, snapshot and control store (DESIGN section 2): operations as data, each answered by one completion
 * with its ticket. `runtime/disk.ts` performs them on Node, `sim/disk.ts` on a simulated disk. Paths are relative to the owner's folder.
 */
export type DiskOperation =
  /** Creates the file when absent; grows it to `sizeBytes` with zeros when shorter (preallocation). */
  | {
      readonly kind: "create";
      readonly ticket: number;
      readonly path: string;
      readonly sizeBytes: number;
    }
  | {
      readonly kind: "write";
      readonly ticket: number;
      readonly path: string;
      readonly offsetBytes: number;
      readonly chunks: readonly Uint8Array[];
    }
  /** fdatasync: covers every write of that file that completed before it began (PROTOCOL section 7). */
  | { readonly kind: "sync"; readonly ticket: number; readonly path: string }
  | {
      readonly kind: "sync-folder";
      readonly ticket: number;
      readonly path: string;
    }
  | {
      readonly kind: "rename";
      readonly ticket: number;
      readonly path: string;
      readonly toPath: string;
    }
  | { readonly kind: "remove"; readonly ticket: number; readonly path: string }
  | {
      readonly kind: "truncate";
      readonly ticket: number;
      readonly path: string;
      readonly sizeBytes: number;
    }
  | {
      readonly kind: "make-folder";
      readonly ticket: number;
      readonly path: string;
    }
  | { readonly kind: "list"; readonly ticket: number; readonly path: string }
  | {
      readonly kind: "read";
      readonly ticket: number;
      readonly path: string;
      readonly offsetBytes: number;
      readonly sizeBytes: number;
      /** Memory that may be read into; what comes back is the caller's until its next read into the same. */
      readonly into?: Uint8Array;
    };

export type DiskCompletion =
  | { readonly kind: "done"; readonly ticket: number }
  | {
      readonly kind: "listed";
      readonly ticket: number;
      readonly names: readonly string[];
    }
  /** Fewer bytes than asked for: the file ends there. */
  | {
      readonly kind: "read-done";
      readonly ticket: number;
      readonly bytes: Uint8Array;
      readonly fileSizeBytes: number;
    }
  /** `code` is the system's (ENOENT, ENOSPC, EIO, ...). */
  | {
      readonly kind: "failed";
      readonly ticket: number;
      readonly code: string;
      readonly message: string;
    };
