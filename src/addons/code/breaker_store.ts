/**
 * Keeps the circuit breakers of installations, so that a failing addon stays shut out after a
 * restart and on every replica. When they open is decided in `sandbox/breaker.ts`.
 *
 * @module
 */
