/**
 * Names that guests' SQL may use: functions, types, operators and collations, all of `pg_catalog`.
 * What is not listed is refused, so nothing here reads settings, catalogs, files, sessions or
 * sequences, sleeps, locks, notifies, or runs a text as a query.
 *
 * Left out on purpose: `normalize` (the square of a text's marks, without an interrupt),
 * `array_fill`, `factorial` (huge values from small arguments), `setseed` (outlives the statement),
 * `ts_stat`, `ts_rewrite`, `query_to_xml` (run a text as a query), `json_populate_record` (needs row
 * types of tables).
 *
 * @module
 */

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

const TEXT = words(`
  ascii btrim char_length character_length chr concat concat_ws convert_from convert_to decode
  encode format initcap left length like_escape lower ltrim md5
  octet_length bit_length overlay position quote_ident quote_literal quote_nullable regexp_count
  regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
  regexp_split_to_table regexp_substr replace reverse right rtrim sha224 sha256 sha384 sha512
  similar_to_escape split_part starts_with string_to_array string_to_table strpos substr substring
  to_hex translate trim unistr upper get_byte get_bit bit_count lpad rpad repeat`);

const NUMBERS = words(`
  abs acos asin atan atan2 cbrt ceil ceiling cos cosh cot degrees div exp floor gcd lcm ln log log10
  min_scale mod pi power pow radians random round scale sign sin sinh sqrt tan tanh trim_scale trunc
  width_bucket to_number to_char numeric float4 float8 int2 int4 int8`);

const TIME = words(`
  age clock_timestamp date date_bin date_part date_trunc extract isfinite justify_days justify_hours
  justify_interval make_date make_interval make_time make_timestamp make_timestamptz now overlaps
  statement_timestamp timezone to_date to_timestamp transaction_timestamp`);

const JSON_FUNCTIONS = words(`
  array_to_json json_array_elements json_array_elements_text json_array_length json_build_array
  json_build_object json_each json_each_text json_extract_path json_extract_path_text json_object
  json_object_keys json_strip_nulls json_to_record json_to_recordset json_typeof
  jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array
  jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text
  jsonb_insert jsonb_object jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query
  jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set jsonb_set_lax
  jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb`);

const ARRAYS = words(`
  array_append array_cat array_dims array_length array_lower array_ndims array_position
  array_positions array_prepend array_remove array_replace array_to_string array_upper cardinality
  generate_series generate_subscripts trim_array unnest num_nonnulls num_nulls`);

const AGGREGATES = words(`
  array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every
  json_agg json_object_agg jsonb_agg jsonb_object_agg max min mode percentile_cont percentile_disc
  range_agg regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope stddev stddev_pop
  stddev_samp string_agg sum variance var_pop var_samp`);

const WINDOWS = words(`
  cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number`);

const OTHERS = words(`
  gen_random_uuid uuidv4 uuidv7 to_tsvector to_tsquery plainto_tsquery phraseto_tsquery
  websearch_to_tsquery ts_rank ts_rank_cd isempty lower_inc lower_inf upper_inc upper_inf
  range_merge int4range int8range numrange daterange tsrange tstzrange host masklen network family`);

/** Functions that may be called. */
export const FUNCTIONS: ReadonlySet<string> = new Set([
  ...TEXT,
  ...NUMBERS,
  ...TIME,
  ...JSON_FUNCTIONS,
  ...ARRAYS,
  ...AGGREGATES,
  ...WINDOWS,
  ...OTHERS,
]);

/**
 * Functions whose second argument is the length of what they make: it must be a literal of at most
 * {@link MAX_MADE_LENGTH}. Everything else that grows is bounded by the engine's largest value and
 * by the statement's time.
 */
export const LENGTH_FUNCTIONS: ReadonlySet<string> = new Set(["lpad", "rpad", "repeat"]);

/** Greatest length, in characters or repetitions, that a statement may ask for by literal. */
export const MAX_MADE_LENGTH = 10_000;

/** Types that values may be cast to; arrays of them too. None names an object of the catalog. */
export const TYPES: ReadonlySet<string> = new Set(words(`
  bool int2 int4 int8 float4 float8 numeric text varchar bpchar uuid date time timetz timestamp
  timestamptz interval json jsonb jsonpath bytea bit varbit inet cidr macaddr tsvector tsquery
  int4range int8range numrange daterange tsrange tstzrange`));

/** Operators. */
export const OPERATORS: ReadonlySet<string> = new Set(words(`
  + - * / % ^ |/ ||/ @ & | # ~ << >> = <> < > <= >= || ~~ ~~* !~~ !~~* ~* !~ !~* -> ->> #> #>> #-
  @> <@ ? ?| ?& @? @@ && -|- &< &> ^@`));

/** Collations. */
export const COLLATIONS: ReadonlySet<string> = new Set([
  "C",
  "POSIX",
  "default",
  "ucs_basic",
  "unicode",
  "und-x-icu",
  "en-x-icu",
  "es-x-icu",
  "pt-x-icu",
  "fr-x-icu",
  "de-x-icu",
]);

/** Columns that Postgres adds to every table: they tell about storage and other transactions. */
export const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(
  words("ctid xmin xmax cmin cmax tableoid"),
);

/** Names of columns that functions in FROM give without being told. */
export const FUNCTION_COLUMNS: ReadonlySet<string> = new Set(words("key value ordinality"));
