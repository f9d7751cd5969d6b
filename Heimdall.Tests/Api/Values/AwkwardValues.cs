using System.Globalization;

namespace Heimdall.Tests.Api.Values;

/// <summary>Values, column names and shapes of results that are easily got wrong.</summary>
internal static class AwkwardValues
{
    /// <summary>What the queries below find in the database.</summary>
    public const string Objects =
        """
        create type mood as enum ('sad', 'very "happy", so', 'ok ☺', '');
        create domain age as int4 check (value >= 0);
        create domain adult as age check (value >= 18);
        create domain label as text;
        create domain moment as timestamptz;
        create domain document as jsonb;
        create domain flag as bool;
        create type pair as (a int, "b c" text);
        create type nested as (p pair, list pair[], j jsonb, t timestamptz, b bool);
        create type floats as range (subtype = float8, subtype_diff = float8mi);
        create schema other;
        create type other."int4" as enum ('one', 'two');
        create type other.json as (a int);
        create type other."Odd "" type, name" as enum ('x');
        create table staff (id int primary key, name text not null, born date, "tags, all" text[]);
        insert into staff values (1, 'Ada', '1815-12-10', '{a,"b c"}'), (2, E'O"Neil, \\ the\nthird', null, '{}'), (3, '', '0044-03-15 BC', null);
        create table dropped (a int, b text, c int);
        insert into dropped values (1, 'gone', 3);
        alter table dropped drop column b;
        create table sampled (a int default 40 + 2, b int, c text);
        insert into sampled select i % 5, i % 5, 'v' || i % 5 from generate_series(1, 1000) i;
        create statistics sampled_statistics on a, b from sampled;
        analyze sampled;
        create function nothing() returns void language sql as '';
        create function pairs() returns setof pair language sql as $$ values (1, 'x'), (null, null), (3, '') $$;
        """;

    public static IEnumerable<ValueCase> Cases =>
    [
        .. Expressions.Select(value => ValueCase.OfExpression(value.Name, value.Expression)),
        .. Queries.Select(query => ValueCase.OfQuery(query.Name, query.Query)),
    ];

    private static (string Name, string Expression)[] Expressions =>
    [
        // Whole numbers.
        ("int2 lowest", "(-32768)::int2"),
        ("int4 lowest", "(-2147483648)::int4"),
        ("int8 lowest", "(-9223372036854775808)::int8"),
        ("int8 highest", "9223372036854775807::int8"),
        ("int8 that a double cannot hold", "9007199254740993::int8"),
        ("oid zero", "0::oid"),

        // numeric.
        ("numeric of 1,000 digits", "repeat('1234567890', 100)::numeric"),
        ("numeric of 1,000 digits behind the point", "('-0.' || repeat('0123456789', 100))::numeric"),
        ("numeric of 131,072 digits", "repeat('9', 131072)::numeric"),
        ("numeric 16,383 digits behind the point", "('0.' || repeat('0', 16382) || '1')::numeric"),
        ("numeric with zeros at its end", "1.500000::numeric"),
        ("numeric of a scale", "7::numeric(20, 5)"),
        ("numeric zero of a scale", "0.000::numeric"),
        ("numeric negative zero", "'-0.00'::numeric"),
        ("numeric from an exponent", "'1e-20'::numeric"),
        ("numeric to an exponent", "'1e30'::numeric"),
        ("numeric NaN", "'NaN'::numeric"),
        ("numeric Infinity", "'Infinity'::numeric"),
        ("numeric -Infinity", "'-Infinity'::numeric"),

        // float4, float8.
        ("float8 that is not 0.3", "0.1::float8 + 0.2::float8"),
        ("float8 of 17 digits", "5e-324::float8 * 0 + 0.12345678901234568::float8"),
        ("float8 third", "1::float8 / 3"),
        ("float8 highest", "1.7976931348623157e308::float8"),
        ("float8 1e308", "1e308::float8"),
        ("float8 least normal", "2.2250738585072014e-308::float8"),
        ("float8 denormal", "'5e-324'::float8"),
        ("float8 negative denormal", "'-4.9406564584124654e-323'::float8"),
        ("float8 negative zero", "'-0'::float8"),
        ("float8 whole", "100::float8"),
        ("float8 1e15", "1e15::float8"),
        ("float8 1e16", "1e16::float8"),
        ("float8 small", "0.00001::float8"),
        ("float8 beyond 2^53", "9007199254740993::float8"),
        ("float8 NaN", "'NaN'::float8"),
        ("float8 Infinity", "'Infinity'::float8"),
        ("float8 -Infinity", "'-Infinity'::float8"),
        ("float4 tenth", "0.1::float4"),
        ("float4 third", "(1::float4 / 3::float4)"),
        ("float4 highest", "'3.4028235e38'::float4"),
        ("float4 denormal", "'1e-45'::float4"),
        ("float4 negative zero", "'-0'::float4"),
        ("float4 16777217", "16777217::float4"),
        ("float4 NaN", "'NaN'::float4"),
        ("float4 -Infinity", "'-Infinity'::float4"),
        ("array of float8 odds", "'{NaN,Infinity,-Infinity,-0,1e308,NULL}'::float8[]"),

        ("bool false", "false"),
        ("array of bool", "array[true, false, null]"),

        // Dates and times.
        ("date infinity", "date 'infinity'"),
        ("date -infinity", "date '-infinity'"),
        ("date year 0001 BC", "date '0001-12-31 BC'"),
        ("date first", "date '4714-11-24 BC'"),
        ("date last", "date '5874897-12-31'"),
        ("date year 1", "date '0001-01-01'"),
        ("timestamp infinity", "timestamp 'infinity'"),
        ("timestamp -infinity", "timestamp '-infinity'"),
        ("timestamp year 0001 BC", "timestamp '0001-12-31 23:59:59.999999 BC'"),
        ("timestamp first", "timestamp '4714-11-24 00:00:00 BC'"),
        ("timestamp last", "timestamp '294276-12-31 23:59:59.999999'"),
        ("timestamp of a whole second", "timestamp '2024-01-02 03:04:05'"),
        ("timestamp of microseconds", "timestamp '2024-01-02 03:04:05.000001'"),
        ("timestamp of a precision", "timestamp(2) '2024-01-02 03:04:05.129'"),
        ("timestamptz infinity", "timestamptz 'infinity'"),
        ("timestamptz -infinity", "timestamptz '-infinity'"),
        ("timestamptz year 0001 BC", "timestamptz '0001-12-31 23:59:59.999999+00 BC'"),
        ("timestamptz year 1", "timestamptz '0001-01-01 00:00:00+00'"),
        ("timestamptz first", "timestamptz '4714-11-24 00:00:00+00 BC'"),
        ("timestamptz year 9999", "timestamptz '9999-12-31 23:59:59.999999+00'"),
        ("timestamptz year 10000", "timestamptz '10000-01-01 00:00:00+00'"),
        ("timestamptz year 294276", "timestamptz '294276-12-31 23:59:59.999999+00'"),
        ("timestamptz of a whole second", "timestamptz '2024-01-02 03:04:05+00'"),
        ("timestamptz of one digit", "timestamptz '2024-01-02 03:04:05.1+00'"),
        ("timestamptz of six digits", "timestamptz '2024-01-02 03:04:05.100001+00'"),
        ("timestamptz of another zone", "timestamptz '2024-07-01 00:30:00 Europe/Berlin'"),
        ("timestamptz second before 1970", "timestamptz '1969-12-31 23:59:59.999999+00'"),
        ("timestamptz leap second", "timestamptz '2016-12-31 23:59:60+00'"),
        ("array of timestamptz", "array[timestamptz '2024-01-02 03:04:05Z', 'infinity', null]"),
        ("time 24:00:00", "time '24:00:00'"),
        ("time midnight", "time '00:00:00'"),
        ("timetz 24:00:00", "timetz '24:00:00-15:59:59'"),
        ("timetz of seconds", "timetz '01:02:03+02:30:45'"),
        ("interval zero", "interval '0'"),
        ("interval negative", "interval '-1 year -2 mons -3 days -04:05:06.000007'"),
        ("interval of mixed signs", "interval '1 mon -3 days +00:00:00.5'"),
        ("interval days only", "interval '-1 days'"),
        ("interval longest", "interval '178000000 years'"),
        ("interval of many hours", "interval '2562047788 hours'"),
        ("interval of a field", "interval '3 04:05' day to minute"),

        // Text.
        ("text empty", "''::text"),
        ("text NULL-like", "'NULL'::text"),
        ("text N", @"'\N'::text"),
        ("text of a quote", "'\"'::text"),
        ("text of two quotes", "'\"\"'::text"),
        ("text quoted", "'\"quoted\"'::text"),
        ("text with a quote in it", "'a\"b'::text"),
        ("text comma", "','::text"),
        ("text with a comma", "'a,b'::text"),
        ("text CR", @"E'\r'"),
        ("text LF", @"E'\n'"),
        ("text CRLF", @"E'\r\n'"),
        ("text of lines", @"E'one\ntwo\r\nthree\rfour\n'"),
        ("text of quoted lines", @"E'""\n"",\r\n""\n'"),
        ("text tab", @"E'\t'"),
        ("text backslash", @"'\'::text"),
        ("text of backslashes", @"'\\n\t\""\u0041'::text"),
        ("text end of data", @"'\.'::text"),
        ("text end of data in a line", @"E'a\n\\.\nb'"),
        ("text end of data at the end", @"E'a\n\\.'"),
        ("text end of data and more", @"'\.x'::text"),
        ("text of blanks", "'   '::text"),
        ("text with blanks at both ends", "'  a  '::text"),
        ("text with tabs at both ends", @"E'\ta\t'"),
        ("text like a NUL escape", @"'\u0000'::text"),
        ("text like an array", "'{1,NULL,\"x\"}'::text"),
        ("text like a number", "'007'::text"),
        ("text like json", """'{"a": "b\u00e4"}'::text"""),
        ("text like a formula", "'=1+1'::text"),
        ("text with a semicolon", "';a;b'::text"),
        ("text like an open quote", "'\"heimdall: FAILED'::text"),
        ("text slash", "'</script>'::text"),
        ("text of one letter", "'a'::text"),
        ("text of two letters", "'ab'::text"),
        ("text of an umlaut", "'ü'::text"),
        ("text emoji", "'🙂'::text"),
        ("text emoji of several", "'👩‍👩‍👧‍👦🇩🇪👍🏽'::text"),
        ("text combining", @"U&'e\0301 a\0308\0323'"),
        ("text composed and not", @"U&'\00E9 e\0301'"),
        ("text U+2028", @"U&'a\2028b\2029c'"),
        ("text U+0085", @"U&'a\0085b'"),
        ("text U+FEFF", @"U&'\FEFFa\FEFF'"),
        ("text U+FFFD", @"U&'\FFFD'"),
        ("text U+FFFE U+FFFF", @"U&'\FFFE\FFFF'"),
        ("text U+10FFFD", @"U&'\+10FFFD'"),
        ("text U+10000", @"U&'\+010000'"),
        ("text U+D7FF U+E000", @"U&'\D7FF\E000'"),
        ("text U+00A0", @"U&'\00A0a\00A0'"),
        ("text right to left", @"U&'\202E\05D0\0627'"),
        ("text control characters", "(select string_agg(chr(c), '' order by c) from generate_series(1, 31) c)"),
        ("text DEL and C1", "(select string_agg(chr(c), '' order by c) from generate_series(127, 159) c)"),
        ("text ASCII", "(select string_agg(chr(c), '' order by c) from generate_series(32, 126) c)"),
        ("text of every plane", "(select string_agg(chr(c), '' order by c) from generate_series(160, 1114111, 997) c where c not between 55296 and 57343)"),
        ("text of 1 MB", "repeat('0123456789abcdef', 65536)"),
        ("text of 100,000 quotes", "repeat('\"', 100000)"),
        ("text of 1 MB of emoji", "repeat('🙂', 262144)"),
        ("text of 100,000 lines", @"repeat(E'a\n', 100000)"),
        ("varchar empty", "''::varchar"),
        ("bpchar empty", "''::char(3)"),
        ("bpchar with blanks", "' a'::char(4)"),
        ("char empty", "''::\"char\""),
        ("char high", @"'\377'::""char"""),
        ("name of 63 bytes", "repeat('n', 70)::name"),

        // json, jsonb.
        ("json null", "'null'::json"),
        ("json true", "'true'::json"),
        ("json text", """'"a"'::json"""),
        ("json empty object", "'{}'::json"),
        ("json over lines", @"E'{\n  ""a"": 1,\r\n\t""b"": [1,\n2]\r}'::json"),
        ("json with white space around", @"E' \n [1]\r\n\t '::json"),
        ("json with a line end escaped", """'{"a": "x\ny\r\n\\n"}'::json"""),
        ("json duplicate keys", """'{"a": 1, "a": 2, "": 3, "": 4}'::json"""),
        ("json NUL escaped", """'"\u0000"'::json"""),
        ("json half a surrogate pair", """'"\ud83d"'::json"""),
        ("json escapes", """'"\u00e4\ud83d\ude42\/\b\f\"\\"'::json"""),
        ("json U+2028", @"(U&'""a\2028\FEFFb""')::json"),
        ("json DEL", @"E'""\x7f""'::json"),
        ("json numbers", "'[1.0, 1E5, -0, 1e400, 0.10, 123456789012345678901234567890, 5E-400]'::json"),
        ("json 1,000 deep", "(repeat('[', 1000) || repeat(']', 1000))::json"),
        ("json of 1 MB", "to_json(repeat('x\"', 524288))"),
        ("jsonb null", "'null'::jsonb"),
        ("jsonb number", "'-0.50'::jsonb"),
        ("jsonb false", "'false'::jsonb"),
        ("jsonb of odd unicode", """'{"ü\u2028": "🙂\ud83d\ude42\u0001\u007f\ufeff\uffff", "\\u0000x": 1}'::jsonb"""),
        ("jsonb escapes", """'"\"\\\/\b\f\n\r\t\u00e4"'::jsonb"""),
        ("jsonb duplicate keys", """'{"a": 1, "a": {"b": []}, "": 0}'::jsonb"""),
        ("jsonb numbers", "'[1.0, 1E5, -0, 1e400, 0.10, 123456789012345678901234567890]'::jsonb"),
        ("jsonb text NULL-like", """'["\\u0000", "null", null]'::jsonb"""),
        ("array of json", """array['{"a": 1}'::json, 'null', null]"""),
        ("array of jsonb", """array['"a\nb"'::jsonb, 'null', null]"""),

        // bytea and bits.
        ("bytea empty", @"'\x'::bytea"),
        ("bytea of all bytes", "decode((select string_agg(lpad(to_hex(b), 2, '0'), '' order by b) from generate_series(0, 255) b), 'hex')"),
        ("bytea of 100,000 bytes", "decode(repeat('00ff', 50000), 'hex')"),
        ("array of bytea", @"array['\x'::bytea, '\x5c22', null]"),
        ("bit long", "repeat('10', 500)::bit(1000)"),
        ("varbit empty", "B''::varbit"),

        // Arrays.
        ("array empty", "'{}'::int[]"),
        ("array of empty text", "array['']"),
        ("array nested", "array[array[1, 2], array[3, null]]"),
        ("array of six dimensions", "'{{{{{{1,2}}}}}}'::int[]"),
        ("array from another bound", "'[-1:1]={1,2,3}'::int[]"),
        ("array nested from other bounds", "'[2:3][0:1]={{1,2},{3,4}}'::int[]"),
        ("array of text to quote", """array['', 'NULL', 'null', 'a b', 'a,b', '"', '\', '{}', ' a', E'\n', 'ü🙂', null]"""),
        ("array of NULL", "array[null]::text[]"),
        ("array of 10,000", "(select array_agg(i) from generate_series(1, 10000) i)"),
        ("array of box", "array[box '(1,2),(3,4)', '(5,6),(7,8)']"),
        ("array of arrays of text", "array[array['a,b', '\"'], array['', null]]"),

        // Types of one's own.
        ("enum", "'sad'::mood"),
        ("enum with quotes", """'very "happy", so'::mood"""),
        ("enum of unicode", "'ok ☺'::mood"),
        ("enum empty", "''::mood"),
        ("array of enum", """array['sad', 'very "happy", so', '', null]::mood[]"""),
        ("enum called int4", "'two'::other.\"int4\""),
        ("enum of an odd name", "'x'::other.\"Odd \"\" type, name\""),
        ("array of enum of an odd name", "array['x'::other.\"Odd \"\" type, name\"]"),
        ("composite called json", "row(1)::other.json"),
        ("domain", "7::age"),
        ("domain over a domain", "70::adult"),
        ("domain over text", "'a,\"b'::label"),
        ("domain over timestamptz", "'2024-01-02 03:04:05Z'::moment"),
        ("domain over jsonb", """'{"a": 1}'::document"""),
        ("domain over bool", "true::flag"),
        ("composite", """row(1, 'a, "b" \ c')::pair"""),
        ("composite of NULLs", "row(null, null)::pair"),
        ("composite of empty text", "row(null, '')::pair"),
        ("composite in a composite", """row(row(1, 'x "y"'), array[row(2, null)::pair], '{"k": "v"}', '2024-01-02 03:04:05Z', true)::nested"""),
        ("array of composite", """array[row(1, 'a "b"')::pair, row(null, '')::pair, null]"""),
        ("record in a record", "row(row(1, 'a'), row(null), row())"),
        ("record of timestamptz", "row(timestamptz '2024-01-02 03:04:05Z', true, 1.50)"),
        ("range of one's own", "floats(0.1, 'Infinity')"),
        ("multirange of one's own", "floats_multirange(floats(0.1, 0.2), floats(1, null))"),

        // Ranges.
        ("range empty", "'empty'::numrange"),
        ("range of everything", "'(,)'::int4range"),
        ("range of text times", "tstzrange('-infinity', 'infinity', '[]')"),
        ("range of dates BC", "daterange('0044-03-15 BC', '0001-01-01')"),
        ("multirange empty", "'{}'::datemultirange"),
        ("array of ranges", "array[int4range(1, 5), 'empty', null]"),

        // Geometry.
        ("point of odd numbers", "point(float8 '-0', float8 '1e308')"),
        ("point of infinities", "point '(Infinity,NaN)'"),
        ("path closed", "path '((0,0),(1,1.5),(2,0))'"),
        ("line of infinite slope", "line '{-1,0,5}'"),
        ("circle of radius zero", "circle '<(0,0),0>'"),
        ("polygon of one point", "polygon '((1e-300,1))'"),

        // Networks.
        ("inet of IPv6", "inet '::ffff:1.2.3.4/128'"),
        ("inet of a host", "inet '10.0.0.1'"),
        ("inet with a mask", "inet '::1/64'"),
        ("cidr of everything", "cidr '0.0.0.0/0'"),

        // The rest.
        ("money highest", "'92233720368547758.07'::money"),
        ("money zero", "0::money"),
        ("uuid nil", "'00000000-0000-0000-0000-000000000000'::uuid"),
        ("pg_lsn highest", "'FFFFFFFF/FFFFFFFF'::pg_lsn"),
        ("xml over lines", @"xmlparse(content E'<a>\n  ""x"", y\r\n</a>text')"),
        ("xml declared", "xmlparse(document '<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><ä/>')"),
        ("tsvector empty", "''::tsvector"),
        ("tsvector to quote", @"$$'a b':1 'it''s' '\\' ü🙂:3A$$::tsvector"),
        ("tsquery empty", "''::tsquery"),
        ("tsquery to quote", "$$'it''s' & 'a b':*$$::tsquery"),
        ("jsonpath strict", """'strict $."a b"[0 to last].type()'::jsonpath"""),
        ("regclass to quote", "'other.\"int4\"'::regtype"),
        ("regclass unknown", "999999::regclass"),
        ("regproc none", "0::regproc"),
        ("regtype of an array", "'text[]'::regtype"),
        ("aclitem of PUBLIC", "'=r/postgres'::aclitem"),
        ("refcursor with quotes", "'a \"b\"'::refcursor"),
    ];

    private static (string Name, string Query)[] Queries =>
    [
        // Column names.
        ("column without a name", "select 1"),
        ("column names doubled", "select 1 as a, 2 as a, 'x' as a, null as a"),
        ("column name ?column?", "select 1 as \"?column?\", 2, 3"),
        ("column name blank", "select 1 as \" \", 2 as \"  \""),
        ("column name with quotes", "select 1 as \"a \"\"b\"\"\", 2 as \"\"\"\", 3 as \"'\""),
        ("column name with commas", "select 1 as \",\", 2 as \"a,b\""),
        ("column name of lines", "select 1 as \"a\nb\", 2 as \"\r\n\", 3 as \"\t\""),
        ("column name end of data", "select 1 as \"\\.\""),
        ("column name with a backslash", "select 1 as \"\\u0000\", 2 as \"\\\""),
        ("column name emoji", "select 1 as \"🙂\", 2 as \"e\u0301\", 3 as \"\u2028\", 4 as \"\uFEFFbom\""),
        ("column name U+FEFF first", "select 1 as \"\uFEFF\""),
        ("column name of control characters", "select 1 as \"\u0001\u001f\u007f\""),
        ("column name of 63 bytes", $"select 1 as \"{new string('n', 63)}\", 2 as \"{new string('ü', 31)}x\""),
        ("column name of 70 bytes, cut by the server", $"select 1 as \"{new string('n', 70)}\", 2 as \"{new string('ü', 40)}\""),
        ("column name like the ending", "select 1 as status, 2 as truncated, 'FAILED' as error"),
        ("column names of case", "select 1 as a, 2 as \"A\""),

        // By itself, not among the values side by side: what is wrong with it must not hide them.
        ("array of domain", "select array[18, null]::adult[] as value"),

        // Shapes.
        ("1,600 columns", $"select {Columns(1600, i => $"{i % 7}")}"),
        ("1,600 columns of 3 rows with NULLs", $"select {Columns(1600, i => i % 3 == 0 ? "nullif(r, 2)" : "r")} from generate_series(1, 3) r"),
        ("1,664 columns, as many as a query can have", $"select {Columns(1664, i => $"'{i}'::text")}"),
        ("1,600 columns, 0 rows", $"select {Columns(1600, i => $"{i}")} where false"),
        ("0 columns, 1 row", "select"),
        ("0 columns, 3 rows", "select from generate_series(1, 3)"),
        ("0 columns, 0 rows", "select where false"),
        ("0 rows", "select 1 as a, 'x' as b, null::jsonb as c where false"),
        ("NULL as the only column", "select null as nothing"),
        ("NULL in 3 rows of the only column", "select null::int as nothing from generate_series(1, 3)"),
        ("empty text in 3 rows of the only column", "select '' as nothing from generate_series(1, 3)"),
        ("NULL and empty text in turns", "select nullif(v, 'x') from unnest(array['', 'x', '', 'x', 'x', '']) v"),
        ("NULL in every place", "select nullif(i, 1) a, nullif(i, 2) b, nullif(i, 3) c from generate_series(1, 4) i"),
        ("NULLs only", "select null a, null b, null c from generate_series(1, 2)"),
        ("end of data as the only column", @"select v from unnest(array['\.', 'a', '\.']) v"),
        ("control characters, a row each", "select c, chr(c) from generate_series(1, 159) c"),
        ("text of every length to 300", "select n, repeat('x', n), repeat('\"', n), repeat('ü', n) from generate_series(0, 300) n"),
        ("text of lengths at which buffers end",
            "select n, repeat('x', n) from unnest(array[16382, 16383, 16384, 16385, 32767, 32768, 32769, 65535, 65536, 65537, 131071, 131072, 262143, 262144, 262145]) n"),
        ("2,000 rows, more than a buffer or a chunk holds", "select i, i % 3 = 0, nullif(i % 5, 0)::text, repeat('é\"', i % 200), i / 7::numeric, timestamptz 'epoch' + i * interval '1 hour' from generate_series(1, 2000) i"),
        ("json over lines in rows", @"select i, E'{\n""a"":\r\n1}'::json from generate_series(1, 3) i"),
        ("row type of a table", "select s from staff s order by id"),
        ("row type of a table and an array of it", "select s, array[s, null] as list from staff s order by id"),
        ("table", "table staff order by id"),
        ("table with a dropped column", "select d, d.* from dropped d"),
        ("row type of a catalog", "select n from pg_namespace n where nspname = 'pg_catalog'"),
        ("rows of a function", "select * from pairs()"),
        ("composites of a function", "select pairs()"),
        ("function without a result", "select nothing()"),
        ("columns of information_schema", "select column_name, ordinal_position, is_nullable, character_maximum_length from information_schema.columns where table_name = 'staff' order by 2"),
        ("plan as text", "explain (costs off) select * from staff where id = 1"),
        ("plan as json", "explain (costs off, format json) select * from staff where id = 1"),
        ("plan as xml", "explain (costs off, format xml) select * from staff where id = 1"),
        ("setting", "show TimeZone"),
        ("VALUES", "values (1, 'a'), (null, ''), (3, null)"),
        ("settings that rows depend on", "select current_setting('DateStyle'), current_setting('IntervalStyle'), current_setting('bytea_output'), current_setting('extra_float_digits')"),
    ];

    private static string Columns(int count, Func<int, string> value) =>
        string.Join(", ", Enumerable.Range(1, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"{value(i)} as c{i}")));
}
