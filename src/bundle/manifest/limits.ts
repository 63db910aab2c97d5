/**
 * How much of everything one manifest may declare. The figures lie far above what real addons hold;
 * they bound the work that a hostile one can ask for.
 *
 * @module
 */

/** Model definitions of an addon. */
export const MAX_MODELS = 200;
/** Columns of a model or of an extension. */
export const MAX_COLUMNS = 300;
/** Relations of a model. */
export const MAX_RELATIONS = 100;
/** Models that actions are declared for, and models that are extended. */
export const MAX_ACTION_MODELS = 400;
/** Actions of one model. */
export const MAX_ACTIONS = 200;
/** Fields of one action. */
export const MAX_ACTION_FIELDS = 200;
/** Options of one select. */
export const MAX_OPTIONS = 1000;
/** Settings of an addon. */
export const MAX_SETTINGS = 200;
/** Capabilities of an addon. */
export const MAX_CAPABILITIES = 500;
/** Hooks of an addon. */
export const MAX_HOOKS = 1000;
/** Functions that a backend exports. */
export const MAX_EXPORTS = 1000;
/** Groups of the navigation, and entries of one group or entry. */
export const MAX_NAVIGATION_ITEMS = 200;
/** Levels of entries below a group. */
export const MAX_NAVIGATION_DEPTH = 5;
/** Tools of an addon. */
export const MAX_TOOLS = 500;
/** Addons that an addon requires. */
export const MAX_REQUIREMENTS = 100;
/** Conditions of one action. */
export const MAX_CONDITIONS = 50;
/** Locales of an addon's translations. */
export const MAX_LOCALES = 200;
/** Texts of one locale, or of one group of them. */
export const MAX_TRANSLATIONS = 20_000;
/** Levels of groups of texts. */
export const MAX_TRANSLATION_DEPTH = 8;
/** Entries of a list that is carried along and not read. */
export const MAX_UNREAD_ITEMS = 2000;
/** Length of a pattern in UTF-16 units. */
export const MAX_PATTERN_LENGTH = 1000;
/** Length of a display name or label in UTF-16 units. */
export const MAX_LABEL_LENGTH = 255;
/** Length of a version or a range of versions in UTF-16 units. */
export const MAX_VERSION_LENGTH = 128;
/** Size of a `string` column: what PostgreSQL's varchar takes. */
export const MAX_STRING_SIZE = 10_485_760;
