/**
 * Delivers events of the log to the addons that subscribe to them: in order, at least once, with a
 * cursor per addon and organization that survives a restart.
 *
 * @module
 */

/** Delivers events. */
export interface Subscriptions {
  /** Looks for new events of an organization soon; called after whatever may have made some. */
  poke(organizationId: string): void;
  /** Starts looking now and then for what other processes made. */
  start(): void;
  /** Waits for deliveries under way, starts no more. */
  stop(): Promise<void>;
  /**
   * Delivers everything that is due in an organization and waits for it; for tests and for host
   * applications that want no timer.
   */
  drain(organizationId: string): Promise<void>;
}
