/**
 * How large an archive may be: every figure that the reader counts.
 *
 * @module
 */

/** Bounds of one archive. */
export interface ArchiveLimits {
  /** Greatest size of the compressed archive in bytes. @default 33554432 (32 MiB) */
  readonly maxArchiveBytes?: number;
  /** Greatest size of the unpacked tar in bytes. @default 67108864 (64 MiB, contract §4.2) */
  readonly maxUnpackedBytes?: number;
  /** Greatest ratio of unpacked to compressed bytes, counted from 1 MiB on. @default 200 */
  readonly maxRatio?: number;
  /** Greatest number of tar headers, those of directories and extensions included. @default 4096 */
  readonly maxEntries?: number;
  /** Greatest size of one file in bytes. @default 33554432 (32 MiB) */
  readonly maxEntryBytes?: number;
}

const MIB = 1024 * 1024;

/** {@link ArchiveLimits} where none are given. */
export const DEFAULT_ARCHIVE_LIMITS: Required<ArchiveLimits> = {
  maxArchiveBytes: 32 * MIB,
  maxUnpackedBytes: 64 * MIB,
  maxRatio: 200,
  maxEntries: 4096,
  maxEntryBytes: 32 * MIB,
};

/** Small archives of repeated text compress far better than large ones: no ratio below this. */
export const RATIO_FREE_BYTES: number = MIB;
