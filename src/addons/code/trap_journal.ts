/**
 * Keeps recent traps of addon code in a readable form: functions and, where the bundle brings a source
 * map, files and lines. Reading positions needs the original module, so it happens after the answer.
 *
 * @module
 */
