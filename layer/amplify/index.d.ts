import type { Amplify } from "aws-amplify";

/** The part of `localStorage` that is used; what it throws is survived. */
export interface ManifestStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

export interface ManifestOptions {
  /** Where the last good manifest is kept: `localStorage`, if not said; `null` keeps it for the life of the page alone. */
  storage?: ManifestStorage | null;
  /** How long to wait for the manifest, in milliseconds: 5000, if not said. */
  timeoutMs?: number;
  /**
   * The second argument that you gave to `Amplify.configure`. Needed only where `Auth` is in it: Amplify would put its own
   * providers in the place of yours.
   */
  libraryOptions?: Parameters<typeof Amplify.configure>[1];
}

export interface Configured {
  /**
   * Where the configuration comes from: `network`, a manifest that is new; `not-modified`, the one that was held, and the
   * server says that it is still right; `storage`, the last good one, since no answer came.
   */
  readonly source: "network" | "not-modified" | "storage";
  /** Why the manifest did not come, where `source` is `storage`. */
  readonly why?: unknown;
  /** Asks again, with the same options; while a fetch is under way, once after it. */
  refresh(): Promise<Configured>;
}

/**
 * Fetches the manifest, and puts its REST APIs into Amplify's current configuration; the rest of that stays as it is.
 *
 * Entries that came with an earlier manifest of this URL and are gone from it are taken out again. Calls for the same URL
 * at the same time share one fetch. Rejects only where no manifest comes and none is held from earlier.
 */
export function configureFromManifest(url: string | URL, options?: ManifestOptions): Promise<Configured>;
